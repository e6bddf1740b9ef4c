use crate::model::ObjectId;
use crate::port::Applied;
use crate::resource::{DesiredHash, Fingerprint, Object, ResourceVersion};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A watch that has not brought our own write after this time is not waited for: the observation counts again.
const CATCH_UP: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// More repairs of one object than this within [`FIGHT_WINDOW`] are a fight: an operator or another tool writes back.
const FIGHT_REPAIRS: usize = 12;
const FIGHT_WINDOW: Duration = Duration::from_secs(60);
const FIRST_CALM: Duration = Duration::from_secs(10);
const LAST_CALM: Duration = Duration::from_secs(600);

/// What this process remembers of its own writes. Losing it costs one apply an object.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<ObjectId, Entry>,
    deleted: BTreeMap<ObjectId, (String, Instant)>,
}

#[derive(Debug, Default)]
pub(super) struct Entry {
    declared: Option<(Arc<Object>, DesiredHash)>,
    pub(super) applied: Option<Mark>,
    pub(super) failure: Option<Failure>,
    fight: Fight,
}

/// What our last successful apply left.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) hash: DesiredHash,
    pub(super) uid: String,
    pub(super) version: ResourceVersion,
    pub(super) generation: Option<i64>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) catch_up_until: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) hash: DesiredHash,
    pub(super) next: Instant,
    attempts: u32,
}

#[derive(Debug, Default)]
struct Fight {
    repairs: VecDeque<Instant>,
    by: Option<String>,
    calm: Option<(Duration, Instant)>,
}

impl Ledger {
    pub(super) fn entry(&self, id: &ObjectId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The hash of a declared object, remembered while the same allocation is declared.
    pub(super) fn hash(&self, id: &ObjectId, object: &Arc<Object>) -> DesiredHash {
        match self.entries.get(id).and_then(|entry| entry.declared.as_ref()) {
            Some((known, hash)) if Arc::ptr_eq(known, object) => *hash,
            _ => DesiredHash::of(&object.value),
        }
    }

    pub(super) fn note_declared(&mut self, id: &ObjectId, object: &Arc<Object>, hash: DesiredHash) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.declared = Some((Arc::clone(object), hash));
    }

    pub(super) fn note_applied(&mut self, id: &ObjectId, hash: DesiredHash, applied: &Applied, now: Instant) {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.failure = None;
        entry.applied = Some(Mark {
            hash,
            uid: applied.uid.clone(),
            version: applied.version.clone(),
            generation: applied.generation,
            fingerprint: applied.fingerprint,
            catch_up_until: now + CATCH_UP,
        });
        self.deleted.remove(id);
    }

    pub(super) fn note_failed(&mut self, id: &ObjectId, hash: DesiredHash, message: String, now: Instant) {
        let entry = self.entries.entry(id.clone()).or_default();
        let attempts = match &entry.failure {
            Some(failure) if failure.hash == hash => failure.attempts.saturating_add(1),
            _ => 0,
        };
        let pause = FIRST_RETRY.saturating_mul(1 << attempts.min(16)).min(LAST_RETRY);
        entry.failure = Some(Failure {
            message,
            hash,
            next: now + pause,
            attempts,
        });
    }

    /// Lets objects that failed be tried at once: something they may have waited for has come.
    pub(super) fn forgive(&mut self, now: Instant) {
        for failure in self.entries.values_mut().filter_map(|entry| entry.failure.as_mut()) {
            failure.next = failure.next.min(now);
        }
    }

    pub(super) fn note_repaired(&mut self, id: &ObjectId, by: Option<&str>, now: Instant) {
        let fight = &mut self.entries.entry(id.clone()).or_default().fight;
        let since_last = fight.repairs.back().map(|last| now.duration_since(*last));
        fight.repairs.retain(|at| now.duration_since(*at) < FIGHT_WINDOW);
        fight.repairs.push_back(now);
        if let Some(by) = by {
            fight.by = Some(by.to_owned());
        }
        let still_fighting = fight
            .calm
            .filter(|(pause, _)| since_last.is_some_and(|gap| gap <= *pause * 2));
        fight.calm = match still_fighting {
            Some((pause, _)) => Some((pause * 2).min(LAST_CALM)),
            None if fight.repairs.len() > FIGHT_REPAIRS => Some(FIRST_CALM),
            None => None,
        }
        .map(|pause| (pause, now + pause));
    }

    pub(super) fn note_deleted(&mut self, id: &ObjectId, uid: &str, now: Instant) {
        self.entries.remove(id);
        self.deleted.insert(id.clone(), (uid.to_owned(), now + CATCH_UP));
    }

    /// Whether we have just deleted this very object and the watch has not told yet.
    pub(super) fn has_deleted(&self, id: &ObjectId, uid: &str, now: Instant) -> bool {
        self.deleted
            .get(id)
            .is_some_and(|(deleted, until)| deleted == uid && now < *until)
    }

    /// Forgets objects that are no longer declared.
    pub(super) fn retain(&mut self, declared: impl Fn(&ObjectId) -> bool, now: Instant) {
        self.entries.retain(|id, _| declared(id));
        self.deleted.retain(|_, (_, until)| now < *until);
    }
}

impl Entry {
    /// Until when drift of this object is left alone, because somebody keeps writing back.
    pub(super) fn calm_until(&self, now: Instant) -> Option<Instant> {
        self.fight.calm.map(|(_, until)| until).filter(|until| now < *until)
    }

    /// Who was last seen to write back; a deletion does not tell.
    pub(super) fn opponent(&self) -> Option<&str> {
        self.fight.by.as_deref()
    }

    /// Repairs within the last minute.
    pub(super) fn recent_repairs(&self, now: Instant) -> usize {
        let recent = |at: &&Instant| now.duration_since(**at) < FIGHT_WINDOW;
        self.fight.repairs.iter().filter(recent).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ObjectId {
        ObjectId::new("v1", "Service", Some("shop"), "web")
    }

    fn hash(text: &str) -> DesiredHash {
        DesiredHash::of(&serde_json::Value::from(text))
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_object_is_tried_ever_more_slowly_until_its_manifest_changes() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            ledger.note_failed(&id(), hash("a"), "no".into(), now);
            pauses.push(ledger.entry(&id()).unwrap().failure.as_ref().unwrap().next - now);
        }
        assert_eq!(pauses.first(), Some(&FIRST_RETRY));
        assert!(pauses.is_sorted() && pauses.last() == Some(&LAST_RETRY));
        ledger.note_failed(&id(), hash("b"), "no".into(), now);
        assert_eq!(
            ledger.entry(&id()).unwrap().failure.as_ref().unwrap().next - now,
            FIRST_RETRY
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_fight_is_calmed_exponentially_and_a_single_edit_is_not() {
        let mut ledger = Ledger::default();
        for _ in 0..FIGHT_REPAIRS {
            ledger.note_repaired(&id(), Some("operator"), Instant::now());
            assert_eq!(ledger.entry(&id()).unwrap().calm_until(Instant::now()), None);
        }
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            let now = Instant::now();
            ledger.note_repaired(&id(), None, now);
            let until = ledger.entry(&id()).unwrap().calm_until(now).unwrap();
            assert!(until - now > last || until - now == LAST_CALM);
            last = until - now;
            tokio::time::advance(last).await;
        }
        assert_eq!(last, LAST_CALM);
        assert_eq!(
            ledger.entry(&id()).unwrap().opponent(),
            Some("operator"),
            "deletions do not tell who"
        );
        tokio::time::advance(LAST_CALM * 3).await;
        ledger.note_repaired(&id(), None, Instant::now());
        assert_eq!(
            ledger.entry(&id()).unwrap().calm_until(Instant::now()),
            None,
            "peace has come"
        );
    }
}
