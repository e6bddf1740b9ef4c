//! Logins for pull secrets: GetAuthorizationToken. A login opens every registry of the region that its identity may read, in any
//! account.

use super::attempts::Attempts;
use super::client::Ecr;
use super::error::EcrError;
use super::explain::explain_token;
use crate::aws::{EcrHost, Identity};
use crate::model::Secret;
use crate::port::{PullToken, TokenFailure};
use aws_sdk_ecr::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tokio::time::timeout;

impl Ecr {
    /// With which identity, and where, the login for a host is made.
    pub(in crate::registry) fn login_key(host: &EcrHost, identity: &Identity) -> String {
        let fips = if host.fips { "/fips" } else { "" };
        let dual_stack = if host.dual_stack { "/dual-stack" } else { "" };
        let place = format!("{}{fips}{dual_stack}", host.region);
        match identity.role() {
            None => format!("agent/{place}"),
            Some(role) => format!("{}/{place}", role.arn),
        }
    }

    /// Makes a new login.
    pub(in crate::registry) async fn token(
        &self,
        host: &EcrHost,
        identity: &Identity,
    ) -> Result<PullToken, TokenFailure> {
        let rate_limit = self.rate_limit(host);
        let asking = self.renewing_credentials(host, identity, |client| {
            let (rate_limit, attempts) = (&rate_limit, self.attempts());
            async move {
                rate_limit.acquire().await;
                ask(client, attempts).await
            }
        });
        let limit = self.deadline();
        let answer = timeout(limit, asking).await.unwrap_or(Err(EcrError::Deadline(limit)));
        answer.map_err(|error| explain_token(&error, host, identity))
    }
}

async fn ask(client: Client, attempts: Attempts) -> Result<PullToken, EcrError> {
    let request = client.get_authorization_token().customize().interceptor(attempts);
    let answer = request.send().await?;
    let unreadable = |what: &str| EcrError::Unreadable(what.to_owned());
    let data = answer.authorization_data.unwrap_or_default().into_iter().next();
    let data = data.ok_or_else(|| unreadable("the response has no login"))?;
    let token = data.authorization_token.unwrap_or_default();
    // The causes are left out: they quote what they cannot decode.
    let token = STANDARD
        .decode(token)
        .ok()
        .and_then(|token| String::from_utf8(token).ok());
    let token = token.ok_or_else(|| unreadable("the login is not encoded as documented"))?;
    let (user, password) = token
        .split_once(':')
        .filter(|(user, password)| !user.is_empty() && !password.is_empty())
        .ok_or_else(|| unreadable("the login has no user name or no password"))?;
    let expires = data.expires_at;
    Ok(PullToken {
        user: user.to_owned(),
        password: Secret::new(password),
        expires: expires.and_then(|time| Timestamp::from_second(time.secs()).ok()),
    })
}
