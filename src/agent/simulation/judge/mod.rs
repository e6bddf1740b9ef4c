//! What must never happen, and what must be so after a quiet time. The models here use none of the agent's code: they read
//! files by their lines, compare versions as numbers, and replay the history one commit after another.

mod applies;
mod deletions;
mod holds;
mod pushes;
mod settled;

use super::world::State;
use crate::model::CommitId;
use std::collections::{BTreeMap, BTreeSet};

/// What the judge remembers.
#[derive(Default)]
pub(super) struct Judge {
    /// The first thing that must never happen and did.
    pub(super) violation: Option<String>,
    /// The UIDs of the objects that people confirmed, for each confirmation.
    pub(super) confirmed: Vec<BTreeSet<String>>,
    /// When each process was given which head.
    given: BTreeMap<usize, Vec<(u64, CommitId)>>,
    /// What each process deleted without a confirmation, by the commit that removed objects last. Two processes at once, whose
    /// watches show different objects, may each delete as many as the limit allows.
    deleted: BTreeMap<(usize, CommitId), deletions::Deleted>,
    requests: u64,
    /// The applied commit in the record, as each process saw it last.
    pub(super) recorded: BTreeMap<usize, Option<CommitId>>,
}

impl Judge {
    pub(super) fn count_request(&mut self) {
        self.requests += 1;
    }

    /// How many requests all processes have sent.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }
}

impl State {
    /// A process received this commit as the head of the branch.
    pub(super) fn given(&mut self, who: usize, head: CommitId) {
        let now = self.now();
        self.judge.given.entry(who).or_default().push((now, head));
    }

    /// The heads that a process has had, newest first.
    fn heads_of(&self, who: usize) -> impl Iterator<Item = &(u64, CommitId)> {
        self.judge
            .given
            .get(&who)
            .into_iter()
            .flat_map(|given| given.iter().rev())
    }
}
