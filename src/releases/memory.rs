//! What this process knows of the objects of releases. A process that does not know it compares all objects of a release that
//! changed.

use crate::model::ObjectId;
use crate::release::{DriftRules, ObjectMark};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The first and the longest wait before an object is put back once more.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(600);
/// An object that was left alone for so long after a repair is not fought over.
const QUIET: Duration = Duration::from_secs(900);
/// So many repairs are a fight.
const FIGHT: u32 = 3;

/// What was found about an object.
pub(super) enum Verdict {
    /// Nothing is to be done until the object changes.
    Settled,
    /// The object was put back, and has this mark now.
    Repaired(ObjectMark),
    /// The object is not as the revision has it, and stays so.
    Reported {
        /// Whether an annotation asks for that.
        is_asked_for: bool,
        /// For people.
        line: String,
    },
    /// The object is due then.
    Later(Instant),
}

/// How often an object was put back, or could not be.
struct Repairs {
    count: u32,
    last: Instant,
}

/// What is known of the objects of one release.
#[derive(Default)]
pub(super) struct Memory {
    revision: u32,
    rules: DriftRules,
    settled: BTreeMap<ObjectId, ObjectMark>,
    repairs: BTreeMap<ObjectId, Repairs>,
    lines: BTreeMap<ObjectId, (bool, String)>,
}

/// What is known of the objects of all releases.
#[derive(Default)]
pub(super) struct Memories(Mutex<BTreeMap<ObjectId, Memory>>);

impl Memories {
    /// What is known for a revision and these rules.
    pub(super) fn take(&self, id: &ObjectId, revision: u32, rules: &DriftRules) -> Memory {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        match known {
            Some(known) if known.revision == revision && known.rules == *rules => known,
            known => Memory {
                revision,
                rules: rules.clone(),
                repairs: known.map(|known| known.repairs).unwrap_or_default(),
                ..Memory::default()
            },
        }
    }

    pub(super) fn keep(&self, id: &ObjectId, memory: Memory) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), memory);
    }

    pub(super) fn forget(&self, id: &ObjectId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Memory {
    /// Whether the object was looked at with this mark.
    pub(super) fn has_settled(&self, id: &ObjectId, mark: Option<ObjectMark>) -> bool {
        mark.is_some() && self.settled.get(id).copied() == mark
    }

    /// The object was looked at, and is as it should be.
    pub(super) fn settle(&mut self, id: &ObjectId, mark: Option<ObjectMark>) {
        match mark {
            Some(mark) => self.settled.insert(id.clone(), mark),
            None => self.settled.remove(id),
        };
        let is_fought_over = self.repairs.get(id).is_some_and(|repairs| repairs.count >= FIGHT);
        if !is_fought_over {
            self.lines.remove(id);
        }
    }

    pub(super) fn report(&mut self, id: &ObjectId, is_asked_for: bool, line: String) {
        self.lines.insert(id.clone(), (is_asked_for, line));
    }

    /// What was reported, some of many.
    pub(super) fn lines(&self, is_asked_for: bool, most: usize) -> Vec<String> {
        let lines = self.lines.values().filter(|(known, _)| *known == is_asked_for);
        lines.take(most).map(|(_, line)| line.clone()).collect()
    }

    /// Until when the object is left alone, because it was put back a moment ago.
    pub(super) fn due(&self, id: &ObjectId) -> Option<Instant> {
        let repairs = self.repairs.get(id)?;
        let wait = match repairs.count {
            0 => Duration::ZERO,
            count => FIRST
                .saturating_mul(2_u32.saturating_pow((count - 1).min(16)))
                .min(LONGEST),
        };
        let due = repairs.last + wait;
        (due > Instant::now() && repairs.count > 1).then_some(due)
    }

    /// The object was put back. Returns what to say if somebody keeps changing it.
    pub(super) fn repaired(&mut self, id: &ObjectId, by: Option<&str>) -> Option<String> {
        let count = self.count(id);
        let who = by.unwrap_or("somebody");
        (count >= FIGHT).then(|| {
            format!(
                "{id}: {who} keeps changing it back; stop one of the two, or annotate the HelmRelease or the object \
                 tidegate.dev/ignore-fields or tidegate.dev/drift: \"ignore\""
            )
        })
    }

    /// Forgets the fights that are over. Returns when the next one may be.
    pub(super) fn calm(&mut self) -> Option<Duration> {
        let now = Instant::now();
        for (id, _) in self
            .repairs
            .extract_if(.., |_, repairs| now.duration_since(repairs.last) > QUIET)
        {
            self.lines.remove(&id);
        }
        let fights = self.repairs.values().filter(|repairs| repairs.count >= FIGHT);
        let last = fights.map(|repairs| repairs.last).max()?;
        Some((last + QUIET).saturating_duration_since(now) + Duration::from_secs(1))
    }

    /// The object could not be put back. Returns when to try again.
    pub(super) fn failed(&mut self, id: &ObjectId) -> Instant {
        self.settled.remove(id);
        self.count(id);
        self.due(id).unwrap_or_else(|| Instant::now() + FIRST)
    }

    fn count(&mut self, id: &ObjectId) -> u32 {
        let now = Instant::now();
        let repairs = self
            .repairs
            .entry(id.clone())
            .or_insert(Repairs { count: 0, last: now });
        if now.duration_since(repairs.last) > QUIET {
            repairs.count = 0;
        }
        repairs.count += 1;
        repairs.last = now;
        repairs.count
    }
}
