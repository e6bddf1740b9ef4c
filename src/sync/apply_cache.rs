use super::conflict::Conflict;
use crate::model::{Backoff, ObjectId};
use crate::port::{Applied, Observed};
use crate::resource::{
    AppliedMarks, DesiredHash, Fingerprint, GroupKind, MemberKey, Object, ObservedObject, ResourceVersion, Run,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a pass waits for the watch to deliver the agent's own write. Afterwards the watch's view counts again.
const CATCH_UP: Duration = Duration::from_secs(10);
/// Another process of the agent that is behind writes as fast as this one. Within the second that an entry of `managedFields` names,
/// an answer would look like its own write, too.
const DOUBT: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What this process remembers of its own applies to one target. Losing it costs one apply for each object.
#[derive(Debug, Default)]
pub struct ApplyCache {
    entries: BTreeMap<ObjectId, Entry>,
    deleted: BTreeMap<ObjectId, (String, Instant)>,
    /// The runs of objects that run to an end. A new process takes them from the target's record.
    runs: BTreeMap<ObjectId, Run>,
    /// What an earlier process knew of its applies, until the first plan has looked at every object.
    restored: AppliedMarks,
}

#[derive(Debug, Default)]
pub(super) struct Entry {
    declared: Option<(Arc<Object>, DesiredHash)>,
    pub(super) applied: Option<LastApply>,
    pub(super) failure: Option<Failure>,
    pub(super) conflict: Conflict,
    /// Whether the object is to be applied although it looks as the last apply left it.
    pub(super) is_asked: bool,
}

/// The object as the last successful apply left it.
#[derive(Debug, Clone)]
pub(super) struct LastApply {
    pub(super) hash: DesiredHash,
    pub(super) uid: String,
    pub(super) version: ResourceVersion,
    pub(super) generation: Option<i64>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) owns_replicas: bool,
    /// Until when an older view of the watch is not taken for drift.
    pub(super) catch_up_until: Instant,
    /// Until when nothing is done about what another process of the agent seems to have written.
    pub(super) doubt_until: Instant,
}

impl LastApply {
    /// Whether nobody has changed a field of the agent since, by the ownership fingerprint.
    pub(super) fn left_fields_of(&self, live: &ObservedObject) -> bool {
        self.uid == live.uid && live.fingerprint.is_some() && live.fingerprint == self.fingerprint
    }
}

/// The last apply failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) message: String,
    /// The manifest that failed: another manifest is applied at once.
    pub(super) hash: DesiredHash,
    /// The UID that the watch showed then. Another UID, or none, means that somebody deleted what was in the way.
    pub(super) seen: Option<String>,
    pub(super) next: Instant,
    /// Objects that are being deleted and have what this one asks for. When all are gone, the object is due.
    pub(super) waits_for: Vec<ObjectId>,
    backoff: Backoff,
}

impl Entry {
    /// The last apply, if it was of the manifest that is declared now.
    pub(super) fn applied_as_declared(&self) -> Option<&LastApply> {
        let (_, hash) = self.declared.as_ref()?;
        self.applied.as_ref().filter(|last| last.hash == *hash)
    }
}

impl ApplyCache {
    pub(super) fn entry(&self, id: &ObjectId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Whether the watch has not shown the last apply of a live object yet: its health is that of the manifest before.
    pub(super) fn is_ahead_of(&self, id: &ObjectId, live: &ObservedObject) -> bool {
        let last = self.entries.get(id).and_then(|entry| entry.applied.as_ref());
        last.is_some_and(|last| last.uid == live.uid && live.generation < last.generation)
    }

    /// The objects that were applied as they are declared, from the one after this one on.
    pub(super) fn applied_after(&self, id: Option<&ObjectId>) -> impl Iterator<Item = (&ObjectId, &LastApply)> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.entries.range::<ObjectId, _>((from, Bound::Unbounded));
        rest.filter_map(|(id, entry)| Some((id, entry.applied_as_declared()?)))
    }

    /// The hash of a declared object. It is computed once for as long as the object is the same allocation.
    pub(super) fn hash(&self, id: &ObjectId, object: &Arc<Object>) -> DesiredHash {
        match self.entries.get(id).and_then(|entry| entry.declared.as_ref()) {
            Some((known, hash)) if Arc::ptr_eq(known, object) => *hash,
            _ => DesiredHash::of(&object.value.value()),
        }
    }

    pub(super) fn note_object(&mut self, id: &ObjectId, object: &Arc<Object>, hash: DesiredHash) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.declared = Some((Arc::clone(object), hash));
    }

    /// Starts with what an earlier process knew of its applies.
    pub(super) fn restore(&mut self, marks: AppliedMarks) {
        self.restored = marks;
    }

    /// Whether an earlier process applied this manifest, and the object is as it left it.
    pub(super) fn knows(&self, id: &ObjectId, hash: DesiredHash, live: &ObservedObject) -> bool {
        let is_new = self
            .entries
            .get(id)
            .is_none_or(|entry| entry.applied.is_none() && entry.failure.is_none());
        if !is_new || self.restored.is_empty() {
            return false;
        }
        let mark = self.restored.get(&MemberKey::of_identity(id));
        mark.is_some_and(|mark| mark.fits(hash, live))
    }

    /// Takes an apply of an earlier process for one of this process.
    pub(super) fn recognise(&mut self, id: &ObjectId, hash: DesiredHash, live: &ObservedObject, now: Instant) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.applied = Some(LastApply {
            hash,
            uid: live.uid.clone(),
            version: live.version.clone(),
            generation: live.generation,
            fingerprint: live.fingerprint,
            owns_replicas: live.owns_replicas,
            catch_up_until: now,
            doubt_until: now,
        });
    }

    /// Has the object applied, although it looks as the last apply left it.
    pub(super) fn ask(&mut self, id: &ObjectId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.is_asked = true;
        }
    }

    /// Whether the object was to be applied although it looks as the last apply left it.
    pub(super) fn is_asked(&self, id: &ObjectId) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.is_asked)
    }

    /// Every object was looked at. What an earlier process knew counts no longer. Returns whether it did until now.
    pub(super) fn end_restore(&mut self) -> bool {
        !std::mem::take(&mut self.restored).is_empty()
    }

    pub(super) fn note_applied(&mut self, id: &ObjectId, hash: DesiredHash, applied: &Applied, now: Instant) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.failure = None;
        entry.is_asked = false;
        if entry.applied.as_ref().is_some_and(|last| last.hash != hash) {
            // Whoever fought about the manifest before may be content with this one.
            entry.conflict = Conflict::default();
        }
        if Run::has_end(&GroupKind::of(id)) {
            let known = self.runs.remove(id).filter(|run| run.uid == applied.uid);
            let run = Run {
                hash,
                uid: applied.uid.clone(),
                is_finished: known.is_some_and(|run| run.is_finished),
            };
            self.runs.insert(id.clone(), run);
        }
        entry.applied = Some(LastApply {
            hash,
            uid: applied.uid.clone(),
            version: applied.version.clone(),
            generation: applied.generation,
            fingerprint: applied.fingerprint,
            owns_replicas: applied.owns_replicas,
            catch_up_until: now + CATCH_UP,
            doubt_until: now + DOUBT,
        });
        self.deleted.remove(id);
    }

    pub(super) fn note_failed(
        &mut self,
        id: &ObjectId,
        hash: DesiredHash,
        seen: Option<String>,
        message: String,
        now: Instant,
    ) {
        let entry = self.entries.entry(id.clone()).or_default();
        let mut backoff = match entry.failure.take() {
            Some(failure) if failure.hash == hash && failure.seen == seen => failure.backoff,
            _ => Backoff::new(FIRST_RETRY, LAST_RETRY),
        };
        entry.failure = Some(Failure {
            message,
            hash,
            seen,
            next: now + backoff.failed(),
            waits_for: Vec::new(),
            backoff,
        });
    }

    /// Makes a failed object due when these objects are gone.
    pub(super) fn wait_for(&mut self, id: &ObjectId, holders: &[ObjectId]) {
        if let Some(failure) = self.entries.get_mut(id).and_then(|entry| entry.failure.as_mut()) {
            failure.waits_for = holders.to_vec();
        }
    }

    /// Makes all failed objects due now: what they may have waited for has come.
    pub(super) fn retry_now(&mut self, now: Instant) {
        for failure in self.entries.values_mut().filter_map(|entry| entry.failure.as_mut()) {
            failure.next = failure.next.min(now);
        }
    }

    pub(super) fn note_repaired(&mut self, id: &ObjectId, by: Option<&str>, fields: &[String], now: Instant) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.conflict.note_repair(by, fields, now);
    }

    pub(super) fn note_deleted(&mut self, id: &ObjectId, uid: &str, now: Instant) {
        self.entries.remove(id);
        self.deleted.insert(id.clone(), (uid.to_owned(), now + CATCH_UP));
    }

    /// Whether this process has just deleted this very object, and the watch may still show it.
    pub(super) fn has_deleted(&self, id: &ObjectId, uid: &str, now: Instant) -> bool {
        self.deleted
            .get(id)
            .is_some_and(|(deleted, until)| deleted == uid && now < *until)
    }

    /// The UIDs of the objects that this process has just deleted.
    pub(super) fn deleted_uids(&self) -> impl Iterator<Item = &str> {
        self.deleted.values().map(|(uid, _)| uid.as_str())
    }

    /// The UIDs of the objects that this process applied and that are declared.
    pub(super) fn uids(&self) -> impl Iterator<Item = &str> {
        let applied = self.entries.values().filter_map(|entry| entry.applied.as_ref());
        applied.map(|last| last.uid.as_str())
    }

    pub(super) fn run(&self, id: &ObjectId) -> Option<&Run> {
        self.runs.get(id)
    }

    pub(super) fn runs(&self) -> &BTreeMap<ObjectId, Run> {
        &self.runs
    }

    /// Takes the runs that an earlier process recorded.
    pub(super) fn set_runs(&mut self, runs: BTreeMap<ObjectId, Run>) {
        self.runs = runs;
    }

    /// Adds the runs that another process recorded, of objects of which this process knows none.
    pub(super) fn add_runs(&mut self, runs: &BTreeMap<ObjectId, Run>) {
        for (id, run) in runs {
            self.runs.entry(id.clone()).or_insert_with(|| run.clone());
        }
    }

    /// Notes which runs have ended, by what the watches show and by what they saw go.
    pub(super) fn note_runs(&mut self, observed: &Observed) {
        for (id, run) in &mut self.runs {
            let live = observed.object(id);
            let is_over = live.is_some_and(|live| live.uid == run.uid && live.is_finished);
            let view = observed.kinds.get(&GroupKind::of(id));
            run.is_finished |= is_over || view.is_some_and(|view| view.finished.get(id) == Some(&run.uid));
        }
    }

    /// Forgets the runs of objects that are no longer declared: a manifest that comes back runs again.
    pub(super) fn retain_runs(&mut self, declared: impl Fn(&ObjectId) -> bool) {
        self.runs.retain(|id, _| declared(id));
    }

    /// Forgets an object that is no longer declared.
    pub(super) fn forget(&mut self, id: &ObjectId) {
        self.entries.remove(id);
    }

    /// Forgets the run of an object that is no longer declared.
    pub(super) fn forget_run(&mut self, id: &ObjectId) {
        self.runs.remove(id);
    }

    /// Forgets deletions that the watches have shown by now.
    pub(super) fn forget_deletions(&mut self, now: Instant) {
        self.deleted.retain(|_, (_, until)| now < *until);
    }

    /// Forgets objects that are no longer declared.
    pub(super) fn retain(&mut self, declared: impl Fn(&ObjectId) -> bool, now: Instant) {
        self.entries.retain(|id, _| declared(id));
        self.forget_deletions(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rejected_object_is_retried_ever_more_slowly_until_its_manifest_changes_or_it_is_deleted() {
        let id = ObjectId::new("v1", "Service", Some("shop"), "web");
        let hash = |text: &str| DesiredHash::of(&serde_json::Value::from(text));
        let mut cache = ApplyCache::default();
        let now = Instant::now();
        let pause = |cache: &ApplyCache| cache.entry(&id).unwrap().failure.as_ref().unwrap().next - now;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            cache.note_failed(&id, hash("a"), Some("u".into()), "no".into(), now);
            pauses.push(pause(&cache));
        }
        assert_eq!(pauses.first(), Some(&FIRST_RETRY));
        assert!(pauses.is_sorted() && pauses.last() == Some(&LAST_RETRY));
        cache.note_failed(&id, hash("b"), Some("u".into()), "no".into(), now);
        assert_eq!(pause(&cache), FIRST_RETRY);
        cache.note_failed(&id, hash("b"), Some("u".into()), "no".into(), now);
        cache.note_failed(&id, hash("b"), None, "no".into(), now);
        assert_eq!(pause(&cache), FIRST_RETRY);
    }
}
