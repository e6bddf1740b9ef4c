//! Deletions: only what the agent applied, what a complete commit does not declare, and what a person confirmed if it is much.

use crate::agent::simulation::cluster::key;
use crate::agent::simulation::world::State;
use crate::model::{CommitId, ObjectId};
use std::collections::BTreeSet;

/// A commit that was the head longer ago than this excuses no deletion, unless the process has had no newer one.
const OLD: u64 = 600_000;

/// What was deleted on behalf of one commit, without a confirmation.
#[derive(Debug, Clone)]
pub(super) struct Deleted {
    /// The size of the set before the first deletion.
    set: usize,
    /// The version of the cluster before the first deletion.
    version: u64,
    /// The objects that existed then. A process that lingers may make objects while another one deletes them.
    keys: BTreeSet<String>,
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
        let Some(commit) = self.reason_to_delete(who, &key) else {
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
        let set = self.cluster.set();
        let deleted = self.judge.deleted.entry((who, commit)).or_insert(Deleted {
            set,
            version: self.cluster.version,
            keys: BTreeSet::new(),
        });
        let made_at: u64 = live.uid.trim_start_matches('u').parse().unwrap_or_default();
        if made_at <= deleted.version {
            deleted.keys.insert(key.clone());
        }
        let (count, set) = (deleted.keys.len(), deleted.set);
        if is_much(count, set) {
            self.violated(format!(
                "{key} is object {count} of {set} that was deleted for {} without a confirmation",
                commit.short()
            ));
        }
    }

    /// The newest commit that the process had lately, that is complete, and that does not declare the object.
    fn reason_to_delete(&self, who: usize, key: &str) -> Option<CommitId> {
        let now = self.now();
        let lately = self.heads_of(who).enumerate();
        let lately = lately.take_while(|(index, (at, _))| *index == 0 || now - at < OLD);
        let mut commits = lately.map(|(_, (_, commit))| *commit);
        commits.find(|commit| {
            let declares = &self.git.at(*commit).declares;
            declares.complete && !declares.objects.contains_key(key)
        })
    }
}
