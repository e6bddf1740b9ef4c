//! What must be so when nothing has happened for a while.

use super::deletions::is_much;
use super::holds::past;
use crate::agent::simulation::cluster::{id, key};
use crate::agent::simulation::manifests::{Declared, version};
use crate::agent::simulation::world::State;
use crate::model::{CommitId, ObjectId};
use crate::resource::MemberKey;
use std::collections::BTreeSet;
use std::time::Duration;

/// What an idle process asks for in a minute: two fetches and a listing of each of two repositories, half as much again for
/// the jitter of the listings.
const PER_MINUTE: u64 = 6;

impl State {
    /// Judges how many requests were sent in a time in which nothing happened. `before`: those that were sent before.
    pub(in crate::agent::simulation) fn judge_budget(&mut self, before: u64, time: Duration) {
        let sent = self.judge.requests() - before;
        let budget = PER_MINUTE * time.as_secs().div_ceil(60);
        if sent > budget {
            self.violated(format!("an idle process sent {sent} requests in {} s", time.as_secs()));
        }
    }

    /// Judges the branch and the cluster after a quiet time.
    pub(in crate::agent::simulation) fn judge_settled(&mut self, when: &str) {
        let problems = [self.bumps_missing(), self.cluster_differs(), self.left_over()];
        if let Some(problem) = problems.into_iter().flatten().next() {
            self.violated(format!("{when}: {problem}"));
        }
    }

    /// A tag that neither landed nor was superseded, held or skipped.
    fn bumps_missing(&self) -> Option<String> {
        let head = self.git.head();
        let objects = &self.git.at(head).declares.objects;
        objects.iter().find_map(|(key, declared)| {
            let Declared::Workload {
                repository,
                tag,
                locked: false,
                ..
            } = declared
            else {
                return None;
            };
            let past = past(&self.git, key, head);
            if past.is_unclear {
                return None;
            }
            let pushed_at = |tag: &String| self.registry.ever.get(&(repository.clone(), tag.clone()));
            let is_free = |tag: &String, at| {
                let mut rejected = past.rejected.iter();
                rejected.all(|(held, since)| held != tag && at > since && pushed_at(held).is_none_or(|held| at > held))
            };
            let tags = self.registry.tags.get(repository)?.iter();
            let free = tags.filter(|(tag, image)| image.pullable && is_free(tag, &image.pushed_at));
            let newest = free.filter_map(|(tag, _)| version(tag)).max()?;
            let current = version(tag);
            (current < Some(newest)).then(|| format!("{key} is at {tag}, and {newest:?} neither landed nor is held"))
        })
    }

    /// An object that is not as declared.
    fn cluster_differs(&self) -> Option<String> {
        let objects = &self.git.at(self.git.head()).declares.objects;
        objects.iter().find_map(|(key, declared)| {
            let live = self.cluster.live.get(&id(key));
            let (there, declared) = (live.map(|live| live.content.clone()), declared.content());
            let is_edited = live.is_some_and(|live| live.fields.is_none() || !live.has_label);
            (there != declared || is_edited).then(|| format!("{key} is declared as {declared:?} and is {there:?}"))
        })
    }

    /// An object that is no longer declared and does not wait for anybody.
    fn left_over(&self) -> Option<String> {
        let head = self.git.head();
        let commit = self.git.at(head);
        let record = self.cluster.record.as_ref()?;
        // What a process applied after its end is in no record. Nobody knows then that the agent made it.
        let mut undeclared = self.cluster.undeclared(commit);
        undeclared.retain(|id| {
            let uid = MemberKey::of_uid(&self.cluster.live[*id].uid);
            record
                .members
                .as_ref()
                .is_none_or(|members| members.applied.contains(&uid))
        });
        let follows = record
            .commit
            .is_none_or(|recorded| self.git.is_ancestor(recorded, head));
        let is_much_at_once = is_much(undeclared.len(), self.cluster.set()) || self.is_much_together(head, &undeclared);
        let may_wait = !commit.declares.complete || !follows || is_much_at_once;
        let left = undeclared.first().filter(|_| !may_wait)?;
        Some(format!("{} is no longer declared and was not deleted", key(left)))
    }

    /// Whether a process deleted objects for the same removal, and these are too many together with them.
    fn is_much_together(&self, head: CommitId, undeclared: &[&ObjectId]) -> bool {
        let keys: BTreeSet<String> = undeclared.iter().map(|id| key(id)).collect();
        self.judge.deleted.iter().any(|((who, removal), deleted)| {
            let is_same = self.removal(*who, head) == *removal;
            is_same && is_much(keys.union(&deleted.keys).count(), deleted.set)
        })
    }
}
