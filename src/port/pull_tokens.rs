use crate::model::Secret;
use crate::spread::LoginKey;
use jiff::Timestamp;
use std::future::Future;

/// A login of a registry that lasts for some hours.
#[derive(Clone)]
pub struct PullToken {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// When the registry no longer takes the login, if it says so.
    pub expires: Option<Timestamp>,
}

/// Why there is no login. The message is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TokenFailure {
    /// What failed, why, and what to do.
    pub message: String,
}

/// Makes the logins that pull secrets hold.
pub trait PullTokens: Send + Sync + 'static {
    /// With which identity, and where, the login for a host is made. Hosts with the same answer share a login. `None` for a host
    /// of a registry whose logins do not run out.
    fn key(&self, host: &str) -> Option<LoginKey>;

    /// Makes a new login for a host.
    fn token(&self, host: &str) -> impl Future<Output = Result<PullToken, TokenFailure>> + Send;
}
