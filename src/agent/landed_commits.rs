use crate::automation::Landed;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The newest commits that landed, for whoever tells of them; what fell off the end is told by git.
#[derive(Debug, Clone)]
pub(super) struct LandedCommits {
    entries: Arc<Mutex<VecDeque<Arc<Landed>>>>,
    count: Arc<watch::Sender<usize>>,
}

/// Readers follow within milliseconds; an automation loop makes a few commits a second at most.
const KEPT: usize = 64;

impl Default for LandedCommits {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            count: Arc::new(watch::channel(0).0),
        }
    }
}

impl LandedCommits {
    pub(super) fn note(&self, landed: &Landed) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push_back(Arc::new(landed.clone()));
        if entries.len() > KEPT {
            entries.pop_front();
        }
        self.count.send_modify(|count| *count += 1);
    }

    /// How many have landed until now.
    pub(super) fn mark(&self) -> usize {
        *self.count.borrow()
    }

    /// What landed after a mark, oldest first.
    pub(super) fn since(&self, mark: usize) -> Vec<Arc<Landed>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.count.borrow().saturating_sub(mark);
        entries
            .iter()
            .skip(entries.len().saturating_sub(new))
            .cloned()
            .collect()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CommitId;

    fn landed(number: u8) -> Landed {
        Landed {
            commit: CommitId::from_bytes([number; 20]),
            bumps: Vec::new(),
        }
    }

    #[test]
    fn a_reader_gets_what_landed_after_its_mark() {
        let journal = LandedCommits::default();
        journal.note(&landed(1));
        let mark = journal.mark();
        assert!(journal.since(mark).is_empty());
        journal.note(&landed(2));
        journal.note(&landed(3));
        let commits: Vec<_> = journal
            .since(mark)
            .iter()
            .map(|landed| landed.commit.as_bytes()[0])
            .collect();
        assert_eq!(commits, [2, 3]);
    }

    #[test]
    fn a_reader_far_behind_gets_the_newest() {
        let journal = LandedCommits::default();
        for number in 0..100 {
            journal.note(&landed(number));
        }
        assert_eq!(journal.since(0).len(), KEPT);
    }
}
