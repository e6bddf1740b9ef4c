//! Deletions: only what the agent applied, what a complete commit does not declare, and what a person confirmed if it is much.

use crate::agent::simulation::cluster::key;
use crate::agent::simulation::world::State;
use crate::model::{CommitId, ObjectId};
use std::collections::BTreeSet;

/// A commit that was the head longer ago than this excuses no deletion, unless the process has had no newer one.
const OLD: u64 = 600_000;

/// A pass may be at a commit for so long after the process was given the next one, in milliseconds.
const PASS: u64 = 30_000;

/// What was deleted since one commit removed objects, without a confirmation.
#[derive(Debug, Clone)]
pub(super) struct Deleted {
    /// The size of the set before the first deletion.
    pub(super) set: usize,
    /// The version of the cluster before the first deletion.
    version: u64,
    /// The objects that existed then. A process that lingers may make objects while another one deletes them.
    pub(super) keys: BTreeSet<String>,
}

/// Whether so many deletions need a person: more than ten, or more than three and a quarter of the set, or all.
pub(super) fn is_much(count: usize, set: usize) -> bool {
    count > 0 && (count > 10 || (count > 3 && count * 4 > set) || count >= set)
}

impl State {
    /// The server is about to delete an object for a process of the agent.
    pub(in crate::agent::simulation) fn judge_deletion(&mut self, who: usize, id: &ObjectId) {
        let (key, live) = (key(id), self.cluster.live[id].clone());
        if !(live.is_applied && live.has_label) {
            self.violated(format!(
                "{key} was deleted, which the agent had never applied ({:?})",
                live.maker
            ));
            return;
        }
        let reasons = self.reasons_to_delete(who, &key);
        let Some(commit) = reasons.first().copied() else {
            self.violated(format!(
                "{key} was deleted, and every commit that the process had declares it or cannot be read as a whole"
            ));
            return;
        };
        if self.judge.confirmed.iter().any(|set| set.contains(&live.uid)) {
            return;
        }
        if let Some(recorded) = self.judge.recorded.get(&who).copied().flatten()
            && !self.git.is_ancestor(recorded, commit)
        {
            self.violated(format!(
                "{key} was deleted without a confirmation, and {} does not follow the applied commit {}",
                commit.short(),
                recorded.short()
            ));
        }
        // A pass may still be at a commit that is not the newest: the oldest reason counts that leaves room.
        let removals = reasons.iter().rev().map(|commit| self.removal(who, *commit));
        let removals: Vec<CommitId> = removals.collect();
        let has_room = removals
            .iter()
            .any(|removal| self.note_deletion((who, *removal), &key, &live.uid));
        if !has_room {
            let deleted = &self.judge.deleted[&(who, removals[0])];
            let (count, set) = (deleted.keys.len(), deleted.set);
            self.violated(format!(
                "{key} is one more than {count} of {set} that were deleted for {} without a confirmation",
                commit.short()
            ));
        }
    }

    /// Counts a deletion for a removal, if it needs no confirmation.
    fn note_deletion(&mut self, removal: (usize, CommitId), key: &str, uid: &str) -> bool {
        let set = self.cluster.set();
        let deleted = self.judge.deleted.entry(removal).or_insert(Deleted {
            set,
            version: self.cluster.version,
            keys: BTreeSet::new(),
        });
        let made_at: u64 = uid.trim_start_matches('u').parse().unwrap_or_default();
        if made_at > deleted.version || deleted.keys.contains(key) {
            return true;
        }
        let has_room = !is_much(deleted.keys.len() + 1, deleted.set);
        if has_room {
            deleted.keys.insert(key.to_owned());
        }
        has_room
    }

    /// The commit up to the given one that removed objects last, of those that a process had. Commits that cannot be read as a
    /// whole remove nothing.
    pub(super) fn removal(&self, who: usize, commit: CommitId) -> CommitId {
        let mut last = commit;
        let heads = self.heads_of(who).map(|(_, head)| *head);
        for head in heads.skip_while(|head| *head != commit) {
            let (before, after) = (&self.git.at(head).declares, &self.git.at(last).declares);
            if before.complete && !before.objects.keys().all(|key| after.objects.contains_key(key)) {
                break;
            }
            if before.complete {
                last = head;
            }
        }
        last
    }

    /// The commits that may be why a process deletes an object, newest first: complete ones that do not declare the object. They
    /// are the newest of those that the process had lately, and older ones if a pass may still be at them.
    fn reasons_to_delete(&self, who: usize, key: &str) -> Vec<CommitId> {
        let now = self.now();
        let lately = self.heads_of(who).enumerate();
        let lately = lately.take_while(|(index, (at, _))| *index == 0 || now - at < OLD);
        let mut reasons = lately.map(|(_, head)| *head).filter(|(_, commit)| {
            let declares = &self.git.at(*commit).declares;
            declares.complete && !declares.objects.contains_key(key)
        });
        let mut found = Vec::new();
        let mut next = reasons.next();
        while let Some((at, commit)) = next {
            found.push(commit);
            next = reasons.next().filter(|_| now - at < PASS);
        }
        found
    }
}
