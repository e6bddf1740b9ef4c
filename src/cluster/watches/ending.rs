use crate::cluster::failure::classify;
use crate::port::ClusterFailure;
use kube::runtime::watcher;
use std::time::Duration;

/// A complete first list that takes longer comes from a server that does not stream lists, or from no server at all.
pub(in crate::cluster) const FIRST_LIST: Duration = Duration::from_secs(30);
pub(in crate::cluster) const FIRST_RETRY: Duration = Duration::from_millis(250);
/// How long a server that comes back waits at most for a watch of the agent.
pub(in crate::cluster) const LAST_RETRY: Duration = Duration::from_secs(5);
/// Rights do not change from one second to the next.
pub(in crate::cluster) const FORBIDDEN_RETRY: Duration = Duration::from_secs(60);

/// Why a watch ended.
pub(in crate::cluster) enum Ending {
    /// The server does not stream the first list. Start over with a paged list.
    NoStreaming,
    /// The version that the watch or the list stood at is no longer kept. This is ordinary: list again.
    Expired,
    /// The agent's account may not list or watch the kind.
    Forbidden(String),
    /// The server is away.
    Away(String),
    /// Any other error.
    Failed(String),
}

impl Ending {
    /// `streaming`: the watch asked the server to stream its first list.
    pub(in crate::cluster) fn of(url: &str, error: &watcher::Error, streaming: bool) -> Self {
        match code(error) {
            Some(400 | 422) if streaming => Self::NoStreaming,
            Some(410) => Self::Expired,
            Some(403) => Self::Forbidden(message(error)),
            _ => match error {
                watcher::Error::WatchStartFailed(cause)
                | watcher::Error::InitialListFailed(cause)
                | watcher::Error::WatchFailed(cause) => match classify(url, cause) {
                    ClusterFailure::Unavailable { message } => Self::Away(message),
                    other => Self::Failed(other.to_string()),
                },
                other => Self::Failed(message(other)),
            },
        }
    }
}

/// The HTTP status code, where the server answered.
pub(super) fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// The server's message, or the client's where the server did not answer.
fn message(error: &watcher::Error) -> String {
    match error {
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn an_expired_version_is_ordinary_wherever_it_is_met() {
        let status = || {
            Status::failure("too old resource version", "Expired")
                .with_code(410)
                .boxed()
        };
        for error in [
            watcher::Error::WatchError(status()),
            watcher::Error::WatchStartFailed(kube::Error::Api(status())),
            watcher::Error::InitialListFailed(kube::Error::Api(status())),
            watcher::Error::WatchFailed(kube::Error::Api(status())),
        ] {
            for streaming in [true, false] {
                assert!(
                    matches!(Ending::of("https://x/", &error, streaming), Ending::Expired),
                    "{error}"
                );
            }
        }
    }
}
