use super::cluster::ClusterFailure;
use super::notifications::Message;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DeliveryFailure {
    /// What failed, why and what to do. It names no address and no secret.
    pub message: String,
    /// Whether another try may help.
    pub retry: Retry,
}

/// Whether another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The receiver will refuse the same message again.
    Never,
    /// Later.
    Later,
    /// Not before this time is over: the receiver asks for it.
    After(Duration),
}

/// Carries messages to one receiver: a chat, a web service, a forge.
pub trait Messenger: Send + Sync + 'static {
    /// Delivers one message, within a deadline.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryFailure>>;
}

/// Keeps what was announced, so that no condition is announced again after a restart.
pub trait AnnouncedStore: Send + Sync + 'static {
    /// What was kept last: a text for each rule. Empty if nothing was kept.
    fn load(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, ClusterFailure>>;

    /// Keeps these texts, and no others.
    fn save(&self, texts: BTreeMap<String, String>) -> BoxFuture<'_, Result<(), ClusterFailure>>;
}
