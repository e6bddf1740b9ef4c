//! What the agent keeps of its applies for its next start, see [`AppliedMark`].
//!
//! The marks are stored some time after the applies, in few writes, and once more at the end. What is lost costs an apply of the
//! object, and never a repair. What was applied within the last seconds is not stored yet: the server dates writes by the
//! second, so that two of them within one second look the same.

use crate::port::{MARK_PARTS, RecordStore};
use crate::resource::{AppliedMark, AppliedMarks, MemberKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long after an apply its mark is not stored.
const YOUNG: Duration = Duration::from_secs(2);
/// How long after an apply its mark is stored at the latest.
const LAZY: Duration = Duration::from_secs(30);
/// A set of at most this many objects keeps its marks in one part.
const SMALL: usize = 1024;

/// The marks of one target. Clones share them.
#[derive(Clone, Default)]
pub struct Marks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Notify,
}

#[derive(Default)]
struct Kept {
    marks: AppliedMarks,
    young: BTreeMap<MemberKey, (Instant, AppliedMark)>,
    /// The parts that differ from the stored ones.
    unstored: BTreeSet<usize>,
    /// Whether the marks are in one part.
    is_small: bool,
}

impl Kept {
    fn part(&self, key: MemberKey) -> usize {
        match self.is_small {
            true => 0,
            false => key.part(MARK_PARTS),
        }
    }

    fn parts(&self) -> usize {
        if self.is_small { 1 } else { MARK_PARTS }
    }

    fn remove(&mut self, key: MemberKey) {
        self.young.remove(&key);
        if self.marks.remove(&key).is_some() {
            self.unstored.insert(self.part(key));
        }
    }

    /// Takes over the marks that are old enough.
    fn settle(&mut self, now: Instant) {
        let old = self.young.extract_if(.., |_, (at, _)| now.duration_since(*at) >= YOUNG);
        let old: Vec<_> = old.map(|(key, (_, mark))| (key, mark)).collect();
        for (key, mark) in old {
            self.marks.insert(key, mark);
            self.unstored.insert(self.part(key));
        }
        let is_small = self.marks.len() <= SMALL;
        if is_small != self.is_small && !self.unstored.is_empty() {
            self.is_small = is_small;
            self.unstored = (0..self.parts()).collect();
        }
    }

    fn of_part(&self, part: usize) -> AppliedMarks {
        let marks = self.marks.iter().filter(|(key, _)| self.part(**key) == part);
        marks.map(|(key, mark)| (*key, *mark)).collect()
    }
}

impl Marks {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts with what an earlier process stored.
    pub(super) fn restore(&self, marks: AppliedMarks) {
        let mut kept = self.kept();
        kept.is_small = marks.len() <= SMALL;
        kept.marks = marks;
    }

    /// Notes an apply. `None`: nothing is known about the object any more.
    pub(super) fn note(&self, key: MemberKey, mark: Option<AppliedMark>) {
        let mut kept = self.kept();
        kept.remove(key);
        if let Some(mark) = mark {
            kept.young.insert(key, (Instant::now(), mark));
        }
        drop(kept);
        self.0.changed.notify_one();
    }

    /// Forgets all objects but these.
    pub(super) fn retain(&self, is_known: impl Fn(&MemberKey) -> bool) {
        let mut kept = self.kept();
        let gone: Vec<MemberKey> = kept.marks.keys().filter(|key| !is_known(key)).copied().collect();
        for key in gone {
            kept.remove(key);
        }
        drop(kept);
        self.0.changed.notify_one();
    }

    /// Stores the marks until `end`, and once more then.
    pub async fn keep(&self, store: &impl RecordStore, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let next = async {
                self.0.changed.notified().await;
                tokio::time::sleep(LAZY).await;
            };
            tokio::select! {
                biased;
                () = &mut end => {
                    self.store(store).await;
                    return;
                }
                () = next => self.store(store).await,
            }
        }
    }

    /// Stores the parts that have changed. What cannot be stored is tried again later.
    pub async fn store(&self, store: &impl RecordStore) {
        let parts = {
            let mut kept = self.kept();
            kept.settle(Instant::now());
            if !kept.young.is_empty() {
                self.0.changed.notify_one();
            }
            std::mem::take(&mut kept.unstored)
        };
        for part in parts {
            let (parts, marks) = {
                let kept = self.kept();
                (kept.parts(), kept.of_part(part))
            };
            if let Err(failure) = store.write_marks(part, parts, &marks).await {
                tracing::debug!(error = %failure, "what was applied is not stored: a restart applies these objects once");
                self.kept().unstored.insert(part);
                self.0.changed.notify_one();
            }
        }
    }
}
