use super::apply_cache::ApplyCache;
use crate::model::ObjectId;
use crate::port::Observed;
use crate::resource::{Authorship, MemberKey, MemberKeys, Members, ObservedObject, looks_applied};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Who made the objects of the set: what the record says, and what this process has applied since.
#[derive(Debug, Default)]
pub(super) struct Authors {
    members: Members,
    /// The record did not say who made the objects, and not every kind of the set has been listed since.
    history_unknown: bool,
    /// Until when claims of other processes are kept.
    claims_until: Option<Instant>,
    /// The UIDs of objects that no record that was read lists.
    strangers: MemberKeys,
    /// The recorded UIDs that the watches do not show, and since when.
    missing: BTreeMap<MemberKey, Instant>,
    /// Whether `members` may differ from what the record says.
    is_unrecorded: bool,
}

/// How long an object is missing before its UID is forgotten: longer than any server of the API is behind the others.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How long a claim of another process is kept that was read in the record: longer than the API server works at a request. A
/// process that ended may have sent a request that arrives now, and one that lingers may be in the middle of a pass.
const CLAIMS_KEPT: Duration = Duration::from_secs(120);

impl Authors {
    /// Starts with what the record says.
    pub(super) fn recorded(members: Option<&Members>) -> Self {
        let mut authors = Self {
            history_unknown: members.is_none(),
            ..Self::default()
        };
        authors.join(members);
        authors.is_unrecorded = members != Some(&authors.members);
        authors
    }

    /// Adds what the record says, which another process may have written. What this process has applied since counts.
    pub(super) fn join(&mut self, recorded: Option<&Members>) {
        let Some(recorded) = recorded else { return };
        self.is_unrecorded = true;
        let members = &mut self.members;
        let is_new = |uid: &&MemberKey| !members.applied.contains(uid);
        members.enabled.extend(recorded.enabled.iter().filter(is_new));
        members.unknown.extend(recorded.unknown.iter().filter(is_new));
        members.applied.extend(&recorded.applied);
        members.claimed.extend(&recorded.claimed);
        if !recorded.claimed.is_empty() {
            self.claims_until = Some(Instant::now() + CLAIMS_KEPT);
        }
    }

    /// Whether the watches show an object that looks applied by the agent and that no record lists: another process may have
    /// applied it and recorded it since. True once for each object. `news`: the objects that have changed since the last call;
    /// `None`: all.
    pub(super) fn has_strangers(&mut self, observed: &Observed, news: Option<&BTreeSet<ObjectId>>) -> bool {
        if self.history_unknown {
            return false;
        }
        let is_foreign = |(id, live): &(&ObjectId, &ObservedObject)| {
            self.members.authorship(id, live) == Authorship::Foreign && looks_applied(live)
        };
        let uids = |objects: &mut dyn Iterator<Item = (&ObjectId, &ObservedObject)>| -> MemberKeys {
            let strangers = objects.filter(is_foreign);
            strangers.map(|(_, live)| MemberKey::of_uid(&live.uid)).collect()
        };
        let strangers = match news {
            None => uids(&mut observed.objects()),
            Some(news) => uids(&mut news.iter().filter_map(|id| Some((id, observed.object(id)?)))),
        };
        let has_new = !strangers.is_subset(&self.strangers);
        match news {
            None => self.strangers = strangers,
            Some(_) => self.strangers.extend(strangers),
        }
        has_new
    }

    /// Whether what the record says about the members may be out of date.
    pub(super) fn is_unrecorded(&self) -> bool {
        self.is_unrecorded
    }

    /// The record says what this says.
    pub(super) fn note_recorded(&mut self) {
        self.is_unrecorded = false;
    }

    /// Whether it is not known who made the objects.
    pub(super) fn is_history_unknown(&self) -> bool {
        self.history_unknown
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// The identities of those objects that do not exist. An object that exists and that nobody recorded is not claimed: it is
    /// somebody else's until the apply has succeeded.
    pub(super) fn absent<'a>(objects: impl Iterator<Item = &'a ObjectId>, observed: &Observed) -> Vec<MemberKey> {
        let absent = objects.filter(|id| observed.object(id).is_none());
        absent.map(MemberKey::of_identity).collect()
    }

    /// Claims identities that are about to be created.
    pub(super) fn claim(&mut self, identities: Vec<MemberKey>) {
        self.is_unrecorded |= !identities.is_empty();
        self.members.claimed.extend(identities);
    }

    /// The agent applied this manifest to the object with this UID.
    pub(super) fn applied(&mut self, id: &ObjectId, uid: &str, manifest: &Value) {
        let uid = MemberKey::of_uid(uid);
        self.missing.remove(&uid);
        let members = &mut self.members;
        let annotations = manifest.pointer("/metadata/annotations");
        let wish = annotations.and_then(|annotations| annotations.get("tidegate.dev/prune"));
        let is_new = members.applied.insert(uid);
        self.is_unrecorded |= match wish.and_then(Value::as_str) == Some("enabled") {
            true => members.enabled.insert(uid),
            false => members.enabled.remove(&uid),
        };
        self.is_unrecorded |=
            members.claimed.remove(&MemberKey::of_identity(id)) | members.unknown.remove(&uid) | is_new;
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
                self.is_unrecorded |= self.members.unknown.insert(uid);
            }
        }
    }

    /// The pass ends, and the server has answered every apply of this process. What is still claimed was claimed by another
    /// process, or was refused: once every kind is listed, its object has a UID that is recorded here, or was not created.
    /// After deletions, forgets objects that are gone.
    pub(super) fn settle(&mut self, observed: &Observed, cache: &ApplyCache, is_shorter: bool) {
        let all_listed = observed.kinds.values().all(|view| view.synced);
        if !all_listed {
            return;
        }
        self.take_claimed(observed);
        self.is_unrecorded |= std::mem::take(&mut self.history_unknown);
        if is_shorter {
            self.note_missing(observed, cache);
            self.forget_gone(cache);
        }
    }

    /// A pass has looked at every object. Notes what is missing, once something was.
    pub(super) fn note_all(&mut self, observed: &Observed, cache: &ApplyCache) {
        if !self.missing.is_empty() && observed.kinds.values().all(|view| view.synced) {
            self.note_missing(observed, cache);
        }
    }

    /// What the watches show again is not missing.
    pub(super) fn note_seen(&mut self, observed: &Observed, news: &BTreeSet<ObjectId>) {
        if self.missing.is_empty() {
            return;
        }
        for live in news.iter().filter_map(|id| observed.object(id)) {
            self.missing.remove(&MemberKey::of_uid(&live.uid));
        }
    }

    /// Forgets the UIDs of objects that this process deleted, and of those that have been missing for long.
    fn forget_gone(&mut self, cache: &ApplyCache) {
        let now = Instant::now();
        let missing = &self.missing;
        let is_gone = |uid: &MemberKey| {
            missing
                .get(uid)
                .is_some_and(|since| now.duration_since(*since) >= FORGOTTEN)
        };
        let deleted: MemberKeys = cache.deleted_uids().map(MemberKey::of_uid).collect();
        let Members {
            applied,
            enabled,
            unknown,
            ..
        } = &mut self.members;
        for keys in [applied, enabled, unknown] {
            let before = keys.len();
            keys.retain(|uid| !(is_gone(uid) || missing.contains_key(uid) && deleted.contains(uid)));
            self.is_unrecorded |= keys.len() < before;
        }
    }

    /// Notes since when which recorded objects are not among those that the watches show or that this process applied. A list
    /// may come from a server that is behind: an object that was made lately is missing in it for a while.
    fn note_missing(&mut self, observed: &Observed, cache: &ApplyCache) {
        let mut alive: MemberKeys = observed
            .objects()
            .map(|(_, live)| MemberKey::of_uid(&live.uid))
            .collect();
        alive.extend(cache.uids().map(MemberKey::of_uid));
        let now = Instant::now();
        let missing = self.members.applied.union(&self.members.unknown);
        let missing = missing.filter(|uid| !alive.contains(uid));
        let since = missing.map(|uid| (*uid, self.missing.get(uid).copied().unwrap_or(now)));
        self.missing = since.collect();
    }

    /// Records the UIDs of the claimed objects that exist. Such an object may wait for a person, or for a file to be mended,
    /// for many passes after this one.
    fn take_claimed(&mut self, observed: &Observed) {
        let Members { applied, claimed, .. } = &mut self.members;
        if claimed.is_empty() {
            return;
        }
        for (id, live) in observed.objects() {
            if looks_applied(live) && claimed.remove(&MemberKey::of_identity(id)) {
                applied.insert(MemberKey::of_uid(&live.uid));
                self.is_unrecorded = true;
            }
        }
        if self.claims_until.is_none_or(|until| until <= Instant::now()) {
            self.is_unrecorded |= !claimed.is_empty();
            claimed.clear();
            self.claims_until = None;
        }
    }
}
