//! The agent's commits: one tag of one line each, to a newer tag that exists and that nobody has taken back.

use super::holds::past;
use crate::agent::simulation::manifests::{Declared, version};
use crate::agent::simulation::world::State;
use crate::model::CommitId;
use crate::port::FileChange;

impl State {
    /// The branch is about to move from `parent` to the last of these commits of the agent.
    pub(in crate::agent::simulation) fn judge_push(&mut self, parent: CommitId, commits: &[CommitId]) {
        let mut before = parent;
        for id in commits {
            let commit = self.git.at(*id).clone();
            if commit.parent != Some(before) {
                self.violated(format!("{} is not the child of the head", id.short()));
            }
            if commit.changes.is_empty() {
                self.violated(format!("{} changes nothing: its bump was made before", id.short()));
            }
            for change in &commit.changes {
                if let Err(problem) = self.judge_change(change, before) {
                    self.violated(format!("{}: {}: {problem}", id.short(), change.path));
                }
            }
            before = *id;
        }
    }

    fn judge_change(&self, change: &FileChange, before: CommitId) -> Result<(), String> {
        let (Some(old), Some(new)) = (change.before, change.after) else {
            return Err("a file was added or removed".to_owned());
        };
        let (
            Declared::Workload {
                repository,
                tag: from,
                locked,
                ..
            },
            Declared::Workload { tag: to, .. },
        ) = (self.git.declared(&old), self.git.declared(&new))
        else {
            return Err("it is no workload".to_owned());
        };
        let text = |blob| String::from_utf8_lossy(self.git.bytes(blob).map_or(&[], Vec::as_slice)).into_owned();
        if text(&old).replace(&format!(":{from} #"), &format!(":{to} #")) != text(&new) {
            return Err(format!("more than the tag changed:\n{}", text(&new)));
        }
        if *locked {
            return Err("it is locked".to_owned());
        }
        if version(to) <= version(from) {
            return Err(format!("{to} is not newer than {from}"));
        }
        let Some(pushed_at) = self.registry.ever.get(&(repository.clone(), to.clone())) else {
            return Err(format!("nobody ever pushed {to}"));
        };
        let key = self.git.declared(&new).key().unwrap_or_default();
        let past = past(&self.git, &key, before);
        if past.is_unclear {
            return Ok(());
        }
        match past.rejected.iter().find(|(tag, at)| *tag == to || pushed_at <= at) {
            Some((tag, at)) => Err(format!(
                "{to}, pushed at {pushed_at}, is held: {tag} was taken back at {at}"
            )),
            None => Ok(()),
        }
    }
}
