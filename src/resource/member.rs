use super::member_key::{MemberKey, MemberKeys};
use super::observed::ObservedObject;
use crate::model::ObjectId;

/// What the record knows about who made the objects that carry the set's label. The label and the field manager prove
/// nothing: a backup restores both into a copy, and everybody who may patch can write both.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Members {
    /// The UIDs of the objects that the agent applied.
    pub applied: MemberKeys,
    /// The UIDs of the applied objects whose last manifest said `tidegate.dev/prune: "enabled"`. The live annotation is no
    /// proof: everybody who may patch can write it, under the agent's field manager, too.
    pub enabled: MemberKeys,
    /// The identities that the agent is about to create. A process that ends between the apply and the next record leaves
    /// these objects without a recorded UID.
    pub claimed: MemberKeys,
    /// The UIDs of objects that looked like members when there was no record: a person confirms their deletion.
    pub unknown: MemberKeys,
}

/// Who applied a labelled object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorship {
    /// The agent, by its record.
    Recorded,
    /// Perhaps the agent: the object was there when the record was not.
    Unknown,
    /// Somebody else.
    Foreign,
}

impl Members {
    /// Who applied this object.
    pub fn authorship(&self, id: &ObjectId, live: &ObservedObject) -> Authorship {
        let uid = MemberKey::of_uid(&live.uid);
        if self.applied.contains(&uid) {
            return Authorship::Recorded;
        }
        if !looks_applied(live) {
            return Authorship::Foreign;
        }
        match (
            self.claimed.contains(&MemberKey::of_identity(id)),
            self.unknown.contains(&uid),
        ) {
            (true, _) => Authorship::Recorded,
            (false, true) => Authorship::Unknown,
            (false, false) => Authorship::Foreign,
        }
    }

    /// Whether the object's manifest, and nobody else, asked to prune the object whatever its kind. Without a record the
    /// object's own annotation has to do: a person confirms each of these deletions.
    pub(super) fn was_enabled(&self, live: &ObservedObject, authorship: Authorship) -> bool {
        authorship == Authorship::Unknown || self.enabled.contains(&MemberKey::of_uid(&live.uid))
    }
}

/// Whether the agent's entry in `managedFields` is one that the agent wrote to this very object, and not to an original
/// that a backup restored.
pub fn looks_applied(live: &ObservedObject) -> bool {
    live.fingerprint.is_some() && !live.is_copy
}
