use crate::model::CommitId;
use crate::notice::{AutomationEvent, Event, FieldBump, Notice, Sink};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The newest commits that landed, for a command that waits for a pass and shows what the pass did. Git has the older ones.
///
/// A [`Sink`]: the reporter hands the commits in before the pass ends. A clone has the same commits.
#[derive(Debug, Clone, Default)]
pub struct LandedCommits(Arc<Mutex<Commits>>);

#[derive(Debug, Default)]
struct Commits {
    newest: VecDeque<LandedCommit>,
    count: usize,
}

/// A commit of ours, with its bumps.
pub type LandedCommit = (CommitId, Vec<FieldBump>);

/// A reader asks within minutes; an automation loop makes a few commits a second at most.
const CAPACITY: usize = 64;

impl LandedCommits {
    /// How many commits have landed until now.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// The commits that landed after the first `count`, oldest first.
    pub fn since(&self, count: usize) -> Vec<LandedCommit> {
        let commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = commits.count.saturating_sub(count);
        let known = commits.newest.len().saturating_sub(new);
        commits.newest.iter().skip(known).cloned().collect()
    }

    fn add(&self, commit: LandedCommit) {
        let mut commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commits.newest.push_back(commit);
        if commits.newest.len() > CAPACITY {
            commits.newest.pop_front();
        }
        commits.count += 1;
    }
}

impl Sink for LandedCommits {
    fn receive(&self, notice: Notice<'_>) {
        if let Event::Automation(AutomationEvent::CommitLanded { commit, bumps }) = notice.event {
            self.add((*commit, bumps.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landed(number: u8) -> LandedCommit {
        (CommitId::from_bytes([number; 20]), Vec::new())
    }

    #[test]
    fn a_reader_gets_what_landed_after_its_count() {
        let commits = LandedCommits::default();
        commits.add(landed(1));
        let count = commits.count();
        assert!(commits.since(count).is_empty());
        commits.add(landed(2));
        commits.add(landed(3));
        assert_eq!(commits.since(count), [landed(2), landed(3)]);
    }

    #[test]
    fn each_commit_is_given_once_beyond_the_capacity_too() {
        let commits = LandedCommits::default();
        for number in 0..200 {
            let count = commits.count();
            commits.add(landed(number));
            assert_eq!(commits.since(count), [landed(number)]);
        }
    }

    #[test]
    fn a_reader_far_behind_gets_the_newest() {
        let commits = LandedCommits::default();
        for number in 0..100 {
            commits.add(landed(number));
        }
        assert_eq!(commits.since(0).len(), CAPACITY);
    }
}
