use crate::port::ClusterFailure;
use crate::resource::GroupKind;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// After a failure, the group's other requests of the same pass need not fail one by one, each after its deadline.
const PAUSE: Duration = Duration::from_secs(5);

/// The API groups whose own servers did not answer a moment ago. A server behind a group (an aggregated API) may be away
/// while the API server answers.
#[derive(Debug, Default)]
pub(super) struct AwayGroups {
    until: Mutex<BTreeMap<String, Instant>>,
}

impl AwayGroups {
    /// The failure of a request that need not be sent.
    pub(super) fn failure(&self, kind: &GroupKind) -> Option<ClusterFailure> {
        let until = self.lock().get(&kind.group).copied();
        until
            .filter(|until| Instant::now() < *until)
            .map(|_| group_away(&kind.group, "it did not answer a moment ago"))
    }

    /// Notes an answer. A group's server that is away is no outage of the API server; built-in groups have no server of their
    /// own.
    pub(super) fn note<T>(&self, kind: &GroupKind, answer: Result<T, ClusterFailure>) -> Result<T, ClusterFailure> {
        match answer {
            Err(ClusterFailure::Unavailable { message }) if !kind.is_built_in() => {
                self.lock().insert(kind.group.clone(), Instant::now() + PAUSE);
                Err(group_away(&kind.group, &message))
            }
            other => other,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn group_away(group: &str, message: &str) -> ClusterFailure {
    ClusterFailure::GroupAway {
        message: format!("the server behind API group {group} does not answer, tidegate tries again: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_group_that_is_away_is_no_outage_and_is_not_asked_again_at_once() {
        let groups = AwayGroups::default();
        let away = || -> Result<(), _> { Err(ClusterFailure::Unavailable { message: "503".into() }) };
        let custom = GroupKind::new("metrics.example.com", "Widget");
        let failure = groups.note(&custom, away()).unwrap_err();
        assert!(
            !failure.is_outage() && failure.to_string().contains("metrics.example.com"),
            "{failure}"
        );
        assert!(groups.failure(&custom).is_some());
        tokio::time::advance(PAUSE).await;
        assert!(groups.failure(&custom).is_none());
        for built_in in [
            GroupKind::new("", "Service"),
            GroupKind::new("networking.k8s.io", "Ingress"),
        ] {
            assert!(groups.note(&built_in, away()).unwrap_err().is_outage());
            assert!(groups.failure(&built_in).is_none());
        }
    }
}
