use super::health::{DEADLINE_EXCEEDED, condition};
use super::kind::GroupKind;
use jiff::Timestamp;
use serde_json::Value;

/// Where the controller of Deployments notes the revision that is under way.
pub const REVISION: &str = "deployment.kubernetes.io/revision";

/// A rollout that the controller of a Deployment has given up: `ProgressDeadlineExceeded`.
///
/// The condition outlives the rollout. A controller that finds the ReplicaSet of the next revision, as it does after a revert, leaves
/// the condition as it is until the next rollout has come on, and yet says that it has seen the change
/// (k8s.io/kubernetes/pkg/controller/deployment/sync.go, `getNewReplicaSet`, and progress.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// When the condition was last updated.
    pub at: Timestamp,
    /// The revision that was under way when the condition was first seen.
    pub revision: i64,
}

impl GivenUp {
    /// Reads a Deployment. `revision`: its annotation [`REVISION`].
    pub fn of(kind: &GroupKind, revision: Option<&str>, object: &Value) -> Option<Self> {
        if !kind.is("apps", "Deployment") {
            return None;
        }
        let progress = condition(object, "Progressing").filter(|progress| progress.reason == DEADLINE_EXCEEDED)?;
        Some(Self {
            at: progress.updated.parse().ok()?,
            revision: revision?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Health, ObservedObject, ResourceVersion};
    use serde_json::json;

    /// A Deployment at a revision, with a condition that was last updated at this second of an hour.
    fn deployment(revision: &str, second: u32) -> ObservedObject {
        let object = json!({"spec": {"replicas": 1}, "status": {
            "observedGeneration": 4, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1, "conditions": [
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out",
                 "lastUpdateTime": format!("2026-12-01T08:00:{second:02}Z")}]}});
        let kind = GroupKind::parse("Deployment.apps").unwrap();
        ObservedObject {
            health: Health::of(&kind, &object),
            given_up: GivenUp::of(&kind, Some(revision), &object),
            ..ObservedObject::plain("u1", ResourceVersion::new("7"))
        }
    }

    fn after(before: &ObservedObject, mut later: ObservedObject) -> ObservedObject {
        later.follows(before);
        later
    }

    #[test]
    fn a_condition_of_the_rollout_before_says_nothing_about_the_next_one() {
        let failed = deployment("3", 10);
        assert!(matches!(failed.health, Health::Failed(_)));
        // The controller has begun the next rollout, has seen the change, and has not judged the rollout.
        let begun = after(&failed, deployment("4", 10));
        assert!(matches!(begun.health, Health::Progressing(_)), "{:?}", begun.health);
        let still = after(&begun, deployment("4", 10));
        assert!(matches!(still.health, Health::Progressing(_)), "{:?}", still.health);
        // The controller gives up the next one, too.
        let again = after(&still, deployment("4", 30));
        assert!(matches!(again.health, Health::Failed(_)), "{:?}", again.health);
    }

    #[test]
    fn a_rollout_that_was_given_up_stays_so_until_there_is_another_one() {
        let failed = deployment("3", 10);
        // An autoscaler changes the number of replicas: no new revision.
        let scaled = after(&failed, deployment("3", 10));
        assert!(matches!(scaled.health, Health::Failed(_)), "{:?}", scaled.health);
        let mut other = deployment("4", 10);
        other.uid = "u2".to_owned();
        let made_anew = after(&failed, other);
        assert!(matches!(made_anew.health, Health::Failed(_)), "{:?}", made_anew.health);
    }
}
