use super::allocation::Allocations;
use super::field_set::FieldPath;
use super::fingerprint::Fingerprint;
use super::health::Health;
use super::member_key::MemberKey;
use super::prune_policy::PrunePolicy;
use super::rollout_progress::RolloutProgress;
use super::takeover::Additions;
use super::version::ResourceVersion;
use jiff::Timestamp;
use std::sync::Arc;

/// What is kept of a live object of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedObject {
    /// Its UID.
    pub uid: String,
    /// The version that was read.
    pub version: ResourceVersion,
    /// `metadata.generation`, where its kind has one.
    pub generation: Option<i64>,
    /// The agent's ownership fingerprint, if the object has a `managedFields` entry of the agent.
    pub fingerprint: Option<Fingerprint>,
    /// The manager, other than the agent, that wrote to it last.
    pub last_writer: Option<String>,
    /// The fields that this manager owns and the agent does not, if the agent's fingerprint has just changed.
    pub last_written: Vec<FieldPath>,
    /// Whether somebody else wrote since the agent's entry in `managedFields` last changed. Where nobody did and the object has
    /// changed all the same, another process of the agent wrote within the same second.
    pub has_later_writer: bool,
    /// Whether the agent owns `spec.replicas`.
    pub owns_replicas: bool,
    /// Whether the agent's entry in `managedFields` is older than the object: a backup restored it together with the
    /// original's label.
    pub is_copy: bool,
    /// Fields that people wrote beside what the agent applied.
    pub additions: Option<Arc<Additions>>,
    /// Whether it has owner references: its owner creates and deletes it.
    pub is_owned: bool,
    /// Whether another tool, such as Flux or Helm, has marked it as its own after the agent had applied it.
    pub is_claimed: bool,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// Whether it has run to its end, see [`Run`](super::Run).
    pub is_finished: bool,
    /// What the server gave to it alone.
    pub allocations: Allocations,
    /// What its deletion waits for; empty unless the object is being deleted.
    pub finalizers: Vec<String>,
    /// What its annotations say about pruning.
    pub prune: PrunePolicy,
    /// The Kustomization of Flux v2 that it comes from, see [`Suspended`](super::Suspended).
    pub kustomization: Option<MemberKey>,
    /// Its health.
    pub health: Health,
    /// Since when it is ready or failed, where its conditions say that.
    pub since: Option<Timestamp>,
    /// What its controller says of a rollout, see [`RolloutProgress`].
    pub rollout: Option<RolloutProgress>,
}

impl ObservedObject {
    /// Takes over from what was seen of the object before what the object alone does not show: a condition that was there before
    /// its present revision says nothing about that revision.
    pub fn follows(&mut self, before: &Self) {
        let (Some(now), Some(known)) = (&mut self.rollout, &before.rollout) else {
            return;
        };
        if self.uid != before.uid {
            return;
        }
        now.follow(known);
        if now.is_of_rollout_before() && matches!(self.health, Health::Failed(_)) {
            let message = "its controller has not judged the last rollout yet";
            (self.health, self.since) = (Health::Progressing(message.to_owned()), None);
        }
    }

    /// Whether no loop could decide differently about the two, of which the second is the later one. The version and the last writer
    /// alone change no decision, unless nobody but another process of the agent can have written.
    pub fn decides_as(&self, other: &Self) -> bool {
        self.uid == other.uid
            && self.fingerprint == other.fingerprint
            && self.generation == other.generation
            && self.is_owned == other.is_owned
            && self.is_claimed == other.is_claimed
            && (other.has_later_writer || !self.is_other_content(other))
            && self.prune == other.prune
            && self.kustomization == other.kustomization
            && self.agrees_outside_own_fields(other)
    }

    /// Whether the two are the same in all that the agent does not write itself.
    pub fn agrees_outside_own_fields(&self, other: &Self) -> bool {
        self.additions == other.additions
            && self.is_terminating == other.is_terminating
            && self.finalizers == other.finalizers
            && self.health == other.health
            && self.is_finished == other.is_finished
    }

    /// Whether nothing beside the agent's own fields asks for a look.
    pub fn is_at_rest(&self) -> bool {
        self.additions.is_none() && !self.is_terminating && !self.is_finished && self.health.is_settled()
    }

    /// Whether the content may differ between two versions of an object: by the generation, where the kind has one.
    pub fn is_other_content(&self, later: &Self) -> bool {
        is_other_content((self.generation, &self.version), (later.generation, &later.version))
    }
}

/// Whether the content may differ between two versions of an object, of which the second is the later one: by the generation,
/// where the kind has one.
pub fn is_other_content(before: (Option<i64>, &ResourceVersion), after: (Option<i64>, &ResourceVersion)) -> bool {
    match (before.0, after.0) {
        (Some(before), Some(after)) => before < after,
        _ => before.1.is_older_than(after.1),
    }
}

#[cfg(test)]
impl ObservedObject {
    /// An object that nobody has applied, without anything that is worth a word.
    pub(crate) fn plain(uid: &str, version: ResourceVersion) -> Self {
        Self {
            uid: uid.to_owned(),
            version,
            generation: None,
            fingerprint: None,
            last_writer: None,
            last_written: Vec::new(),
            has_later_writer: false,
            owns_replicas: false,
            is_copy: false,
            additions: None,
            is_owned: false,
            is_claimed: false,
            is_terminating: false,
            is_finished: false,
            allocations: Allocations::default(),
            finalizers: Vec::new(),
            prune: PrunePolicy::ByKind,
            kustomization: None,
            health: Health::Unknown,
            since: None,
            rollout: None,
        }
    }
}
