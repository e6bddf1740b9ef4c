use super::fields::{Fields, is_yaml};
use crate::history::{self, FileFields, Hold, Ledger, Step, Transition};
use crate::model::{CommitId, FieldId, Tag};
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Reads the branch's history for holds, and after the first time only what is new.
#[derive(Debug, Default)]
pub struct Timeline {
    tip: Option<CommitId>,
    tip_time: Timestamp,
    oldest: Option<Timestamp>,
    ledger: Ledger,
    /// Hashes of the bumps that were read, each of field and tag.
    bumps: HashSet<u64>,
    fields: Fields,
    commits: usize,
    past: Past,
}

/// What the history says of image fields.
#[derive(Debug, Default)]
pub struct Past {
    /// What is held.
    pub holds: BTreeMap<FieldId, Hold>,
    written: BTreeMap<FieldId, Timestamp>,
    otherwise: Timestamp,
}

/// What a [`Timeline`] has read since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryReads {
    /// Commits.
    pub commits: usize,
    /// Files, each in one of its versions.
    pub files: usize,
}

impl Past {
    /// When a field was last written; for one that nobody wrote since the oldest commit that was looked at, that
    /// commit's time.
    pub fn since(&self, field: &FieldId) -> Timestamp {
        self.written.get(field).copied().unwrap_or(self.otherwise)
    }
}

/// How many commits are looked at for bumps: some hundred bytes each, while they are read.
const LONGEST_HISTORY: usize = 1_000_000;
/// Commits whose files are in memory at once.
const BATCH: usize = 256;

impl Timeline {
    /// Whether a commit that was read so far records this very bump: the field, to the tag.
    pub(super) fn has_bump(&self, bump: &PlannedBump) -> bool {
        self.bumps.contains(&hash(&bump.field, &bump.to))
    }

    /// What the history up to `tip` says.
    ///
    /// # Errors
    /// The repository could not be read; what was known stays, and is read on from the next time.
    pub async fn read(&mut self, repo: &impl ConfigRepo, tip: CommitId) -> Result<&Past, RepoFailure> {
        if self.tip != Some(tip) {
            let known = match self.tip {
                Some(known) if repo.is_ancestor(known, tip).await? => Some(known),
                _ => {
                    self.tip = None;
                    None
                }
            };
            let new = repo.history(tip, known, LONGEST_HISTORY).await?;
            if known.is_none() {
                (self.ledger, self.oldest) = (Ledger::default(), None);
                self.bumps.clear();
            }
            if new.len() == LONGEST_HISTORY {
                tracing::warn!(
                    commits = LONGEST_HISTORY,
                    "the history has more commits than are looked at: what was taken back before them is not known"
                );
            }
            self.commits += new.len();
            let steps = self.steps(repo, new).await?;
            for step in steps {
                self.bumps
                    .extend(step.ours.iter().map(|bump| hash(&bump.field, &bump.new)));
                self.ledger.push(step);
            }
            self.tip = Some(tip);
            self.past = Past {
                holds: self.ledger.holds(),
                written: self.ledger.written(),
                otherwise: self.oldest.unwrap_or(self.tip_time),
            };
        }
        Ok(&self.past)
    }

    /// What was read until now.
    pub fn reads(&self) -> HistoryReads {
        HistoryReads {
            commits: self.commits,
            files: self.fields.parsed(),
        }
    }

    /// The next reading begins anew: more of the history is known now.
    pub(super) fn forget(&mut self) {
        self.tip = None;
    }

    /// What happened before the first bump concerns no hold, and its files need not be read. A committer's clock that
    /// is ahead counts as the moment at which the commit was first seen.
    async fn steps(
        &mut self,
        repo: &impl ConfigRepo,
        newest_first: Vec<HistoryCommit>,
    ) -> Result<Vec<Step>, RepoFailure> {
        let first_seen = Timestamp::now();
        if let Some(newest) = newest_first.first() {
            self.tip_time = newest.committed_at.min(first_seen);
        }
        let is_ours = |commit: &HistoryCommit| !history::bumps(&commit.message).is_empty();
        let concerned = if self.ledger.is_empty() {
            newest_first.iter().rposition(is_ours).map_or(0, |oldest| oldest + 1)
        } else {
            newest_first.len()
        };
        let mut commits: Vec<HistoryCommit> = newest_first;
        commits.truncate(concerned);
        commits.reverse();
        let mut steps = Vec::with_capacity(commits.len());
        for batch in commits.chunks(BATCH) {
            let lines = batch
                .iter()
                .flat_map(|commit| commit.merged.iter().chain([&commit.changes]));
            let changes: Vec<&FileChange> = lines.flatten().collect();
            self.fields.load(repo, &changes).await?;
            for commit in batch {
                steps.push(Step {
                    commit: commit.id,
                    parents: commit.parents.clone(),
                    author: commit.author.clone(),
                    committed_at: commit.committed_at.min(first_seen),
                    ours: history::bumps(&commit.message),
                    resumes: history::resumes(&commit.message),
                    transitions: self.transitions(&commit.changes),
                    merged: commit.merged.iter().map(|changes| self.transitions(changes)).collect(),
                });
            }
        }
        if self.oldest.is_none() {
            self.oldest = steps.first().map(|step| step.committed_at);
        }
        Ok(steps)
    }

    /// How the image fields' tags moved in a commit.
    fn transitions(&self, changes: &[FileChange]) -> Vec<Transition> {
        let changes = changes.iter().filter(|change| is_yaml(&change.path));
        history::transitions(changes.map(|change| FileFields {
            before: self.fields.of(&change.path, change.before),
            after: self.fields.of(&change.path, change.after),
        }))
    }
}

fn hash(field: &FieldId, tag: &Tag) -> u64 {
    let mut hasher = DefaultHasher::new();
    (field, tag).hash(&mut hasher);
    hasher.finish()
}
