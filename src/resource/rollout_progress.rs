use super::health::{DEADLINE_EXCEEDED, condition};
use super::kind::GroupKind;
use jiff::Timestamp;
use serde_json::Value;

/// Where the controller of Deployments notes the revision that is under way.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The reason of `Progressing` when the rollout is complete.
const COMPLETE: &str = "NewReplicaSetAvailable";

/// What the controller of a Deployment says of a rollout: its condition `Progressing`.
///
/// The condition outlives the rollout. A controller that finds the ReplicaSet of the next revision, as it does after a revert, leaves
/// the condition as it is until the next rollout has come on, and yet says that it has seen the change. Its deadline then counts from the last
/// step of the rollout before, so that it may give the next one up in its first moment
/// (k8s.io/kubernetes/pkg/controller/deployment/sync.go, `getNewReplicaSet`; progress.go; util/deployment_util.go, `DeploymentTimedOut`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutProgress {
    /// When the condition was last updated.
    at: Timestamp,
    /// The revision that the condition is about: the one that was under way when the condition was first seen.
    about: i64,
    /// The revision that is under way.
    revision: i64,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    Complete,
    GivenUp,
}

impl RolloutProgress {
    /// Reads a Deployment. `revision`: its annotation [`REVISION`].
    pub fn of(kind: &GroupKind, revision: Option<&str>, object: &Value) -> Option<Self> {
        if !kind.is("apps", "Deployment") {
            return None;
        }
        let progress = condition(object, "Progressing")?;
        let revision = revision?.parse().ok()?;
        Some(Self {
            at: progress.updated.parse().ok()?,
            about: revision,
            revision,
            verdict: match progress.reason {
                DEADLINE_EXCEEDED => Verdict::GivenUp,
                COMPLETE => Verdict::Complete,
                _ => Verdict::Open,
            },
        })
    }

    /// Takes over from what was seen before which revision the condition is about.
    pub(super) fn follow(&mut self, before: &Self) {
        let is_same = self.at == before.at;
        // A deadline counts from a step of a rollout. A rollout that was complete, or was given up, has made one since.
        let counts_from_before = self.verdict == Verdict::GivenUp && before.verdict == Verdict::Open;
        if is_same || counts_from_before {
            self.about = before.about;
        }
    }

    /// Whether the rollout that is under way is not judged, although the condition says that one was given up.
    pub(super) fn is_of_rollout_before(&self) -> bool {
        self.verdict == Verdict::GivenUp && self.about != self.revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Health, ObservedObject, ResourceVersion};
    use serde_json::json;

    /// A Deployment at a revision, with a condition of this reason that was last updated at this second of an hour.
    fn at(revision: &str, reason: &str, second: u32) -> ObservedObject {
        let status = if reason == DEADLINE_EXCEEDED { "False" } else { "True" };
        let object = json!({"spec": {"replicas": 1}, "status": {
            "observedGeneration": 4, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1, "conditions": [
                {"type": "Progressing", "status": status, "reason": reason, "message": "timed out",
                 "lastUpdateTime": format!("2026-12-01T08:00:{second:02}Z")}]}});
        let kind = GroupKind::parse("Deployment.apps").unwrap();
        ObservedObject {
            health: Health::of(&kind, &object),
            rollout: RolloutProgress::of(&kind, Some(revision), &object),
            ..ObservedObject::plain("u1", ResourceVersion::new("7"))
        }
    }

    fn deployment(revision: &str, second: u32) -> ObservedObject {
        at(revision, DEADLINE_EXCEEDED, second)
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
    fn a_deadline_that_counts_from_a_step_of_the_rollout_before_says_nothing_about_the_next_one() {
        let open = "ReplicaSetUpdated";
        // A revert comes some moments before the deadline of the rollout. The controller finds the older ReplicaSet.
        let failing = at("3", open, 10);
        let reverted = after(&failing, at("4", open, 10));
        let late = after(&reverted, deployment("4", 15));
        assert!(matches!(late.health, Health::Progressing(_)), "{:?}", late.health);
        let still = after(&late, deployment("4", 15));
        assert!(matches!(still.health, Health::Progressing(_)), "{:?}", still.health);
        // The same, where the watch shows both changes at once.
        let at_once = after(&failing, deployment("4", 15));
        assert!(matches!(at_once.health, Health::Progressing(_)), "{:?}", at_once.health);
        // The rollout makes a step of its own, and then none any more.
        let step = after(&still, at("4", open, 20));
        let given_up = after(&step, deployment("4", 25));
        assert!(matches!(given_up.health, Health::Failed(_)), "{:?}", given_up.health);
        // A deadline never counts from a rollout that was complete.
        let complete = at("3", COMPLETE, 10);
        let given_up = after(&complete, deployment("4", 30));
        assert!(matches!(given_up.health, Health::Failed(_)), "{:?}", given_up.health);
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
