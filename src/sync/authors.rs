use super::apply_cache::ApplyCache;
use crate::port::Observed;
use crate::resource::{MemberKey, MemberKeys, Members, looks_applied};
use serde_json::Value;

/// Who made the objects of the set: what the record says, and what this process has applied since.
#[derive(Debug, Default)]
pub(super) struct Authors {
    members: Members,
    /// The record did not say who made the objects, and not every kind of the set has been listed since.
    history_unknown: bool,
}

impl Authors {
    /// Starts with what the record says.
    pub(super) fn recorded(members: Option<&Members>) -> Self {
        Self {
            members: members.cloned().unwrap_or_default(),
            history_unknown: members.is_none(),
        }
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// Claims identities that are about to be created. Returns whether one of them is new.
    pub(super) fn claim(&mut self, identities: Vec<MemberKey>) -> bool {
        let before = self.members.claimed.len();
        self.members.claimed.extend(identities);
        self.members.claimed.len() > before
    }

    /// The agent applied this manifest to the object with this UID.
    pub(super) fn applied(&mut self, uid: &str, manifest: &Value) {
        let uid = MemberKey::of_uid(uid);
        self.members.unknown.remove(&uid);
        self.members.applied.insert(uid);
        let annotations = manifest.pointer("/metadata/annotations");
        let wish = annotations.and_then(|annotations| annotations.get("tidegate.dev/prune"));
        if wish.and_then(Value::as_str) == Some("enabled") {
            self.members.enabled.insert(uid);
        } else {
            self.members.enabled.remove(&uid);
        }
    }

    /// Without a record, notes the objects that look like members: a person decides about them.
    pub(super) fn look(&mut self, observed: &Observed) {
        if !self.history_unknown {
            return;
        }
        for (id, live) in observed.objects() {
            let uid = MemberKey::of_uid(&live.uid);
            let is_ours =
                self.members.applied.contains(&uid) || self.members.claimed.contains(&MemberKey::of_identity(id));
            if !is_ours && looks_applied(live) {
                self.members.unknown.insert(uid);
            }
        }
    }

    /// The pass ends, and the server has answered every apply: each claimed object has a UID now, or was not created. After
    /// deletions, forgets objects that are gone.
    pub(super) fn settle(&mut self, observed: &Observed, cache: &ApplyCache, is_shorter: bool) {
        self.members.claimed.clear();
        let all_listed = observed.kinds.values().all(|view| view.synced);
        if !all_listed {
            return;
        }
        self.history_unknown = false;
        if is_shorter {
            let mut alive: MemberKeys = observed
                .objects()
                .map(|(_, live)| MemberKey::of_uid(&live.uid))
                .collect();
            alive.extend(cache.uids().map(MemberKey::of_uid));
            let Members {
                applied,
                enabled,
                unknown,
                ..
            } = &mut self.members;
            for keys in [applied, enabled, unknown] {
                keys.retain(|uid| alive.contains(uid));
            }
        }
    }
}
