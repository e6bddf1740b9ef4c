use super::file_versions::{FileVersions, is_yaml};
use crate::history::{self, Bump, Commit, FieldChange, FileFields, Hold, HoldIndex};
use crate::model::{CommitId, FieldId};
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure, RepoProblem};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Reads the branch's history for holds. After the first reading it reads new commits only.
#[derive(Debug, Default)]
pub struct HistoryReader {
    head: Option<CommitId>,
    head_time: Timestamp,
    oldest: Option<Timestamp>,
    index: HoldIndex,
    /// A hash of field, tag and new name for each bump in the history.
    bumps: HashSet<u64>,
    versions: FileVersions,
    commits: usize,
    is_cut: bool,
    /// Whether the repository had the whole history when the reading began.
    is_whole: bool,
    past: FieldHistory,
}

/// A reader that several share: what one of them has read, the others need not read again.
pub type SharedHistory = Arc<Mutex<HistoryReader>>;

/// What the history says about image fields.
#[derive(Debug, Default)]
pub struct FieldHistory {
    /// The hold of each held field.
    pub holds: BTreeMap<FieldId, Hold>,
    /// A number that grows with each reading of further commits.
    pub revision: u64,
    written: BTreeMap<FieldId, Timestamp>,
    otherwise: Timestamp,
}

/// How much a [`HistoryReader`] has read since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryReads {
    /// The number of commits.
    pub commits: usize,
    /// The number of file versions that were parsed.
    pub files: usize,
}

impl FieldHistory {
    /// When a field was last written. A field that no commit in the history writes counts as written by the oldest one.
    pub fn since(&self, field: &FieldId) -> Timestamp {
        self.written.get(field).copied().unwrap_or(self.otherwise)
    }
}

/// How many commits are searched for bumps: some hundred bytes each, while they are read.
pub(super) const LONGEST_HISTORY: usize = 1_000_000;
/// Commits whose files are in memory at once.
const BATCH: usize = 256;

impl HistoryReader {
    /// Whether a commit in the history records this bump: the same field and tag, and the same new name.
    pub(super) fn has_bump(&self, bump: &PlannedBump) -> bool {
        self.bumps.contains(&hash(&bump.record()))
    }

    /// What the history up to `head` says.
    ///
    /// # Errors
    /// The repository could not be read. What was known before stays, and the next call reads on from there.
    pub async fn read(&mut self, repo: &impl ConfigRepo, head: CommitId) -> Result<&FieldHistory, RepoFailure> {
        if self.head != Some(head) {
            let known = match self.head {
                Some(known) if repo.is_ancestor(known, head).await? => Some(known),
                _ => {
                    self.head = None;
                    None
                }
            };
            let new = repo.history_ids(head, known, LONGEST_HISTORY).await?;
            if known.is_none() {
                (self.index, self.oldest) = (HoldIndex::default(), None);
                self.bumps.clear();
                self.is_whole = false;
            }
            self.is_cut = new.len() == LONGEST_HISTORY || (self.is_cut && known.is_some());
            self.commits += new.len();
            for commit in self.with_field_changes(repo, new).await? {
                self.bumps.extend(commit.ours.iter().map(hash));
                self.index.push(commit);
            }
            self.head = Some(head);
            self.past = FieldHistory {
                holds: self.index.holds(),
                revision: self.past.revision + 1,
                written: self.index.written(),
                otherwise: self.oldest.unwrap_or(self.head_time),
            };
        }
        Ok(&self.past)
    }

    /// What the last reading found.
    pub(super) fn past(&self) -> &FieldHistory {
        &self.past
    }

    /// Notes that the repository had the whole history when the last reading began.
    pub(super) fn note_whole(&mut self) {
        self.is_whole = true;
    }

    /// Whether the last reading is of the whole history.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether the history has more commits than are read. Reverts before the commits that are read make no holds.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How much has been read so far.
    pub fn reads(&self) -> HistoryReads {
        HistoryReads {
            commits: self.commits,
            files: self.versions.parsed(),
        }
    }

    /// Makes the next reading start from the beginning: the repository has more of the history now.
    pub(super) fn forget(&mut self) {
        self.head = None;
    }

    /// The commits, oldest first, with the image fields that they change. Commits before the first bump make no hold, so their
    /// files are not read. A commit whose clock is ahead counts as made when it was first seen.
    async fn with_field_changes(
        &mut self,
        repo: &impl ConfigRepo,
        newest_first: Vec<CommitId>,
    ) -> Result<Vec<Commit>, RepoFailure> {
        let first_seen = Timestamp::now();
        let mut left: VecDeque<CommitId> = newest_first.into_iter().rev().collect();
        let mut has_bumps = !self.index.is_empty();
        let mut commits = Vec::new();
        while !left.is_empty() {
            let asked = left.iter().take(BATCH).copied().collect();
            let mut batch = repo.commits(asked).await?;
            if batch.is_empty() {
                return Err(not_given());
            }
            left.drain(..batch.len().min(left.len()));
            if let Some(newest) = batch.last() {
                self.head_time = newest.committed_at.min(first_seen);
            }
            let is_ours = |commit: &HistoryCommit| !history::bumps(&commit.message).is_empty();
            if !has_bumps {
                let first = batch.iter().position(is_ours);
                batch.drain(..first.unwrap_or(batch.len()));
                has_bumps = first.is_some();
            }
            self.load(repo, &batch).await?;
            commits.extend(batch.iter().map(|commit| self.with_fields(commit, first_seen)));
        }
        if self.oldest.is_none() {
            self.oldest = commits.first().map(|commit| commit.committed_at);
        }
        Ok(commits)
    }

    /// Reads the files that the commits change.
    async fn load(&mut self, repo: &impl ConfigRepo, commits: &[HistoryCommit]) -> Result<(), RepoFailure> {
        let parents = commits
            .iter()
            .flat_map(|commit| commit.merged.iter().chain([&commit.changes]));
        let changes: Vec<&FileChange> = parents.flatten().collect();
        self.versions.load(repo, &changes).await
    }

    fn with_fields(&self, commit: &HistoryCommit, first_seen: Timestamp) -> Commit {
        Commit {
            commit: commit.id,
            parents: commit.parents.clone(),
            author: commit.author.clone(),
            committed_at: commit.committed_at.min(first_seen),
            ours: history::bumps(&commit.message),
            resumes: history::resumes(&commit.message),
            changes: self.field_changes(&commit.changes),
            merged: commit
                .merged
                .iter()
                .map(|changes| self.field_changes(changes))
                .collect(),
        }
    }

    /// How a commit changes image fields, against one of its parents.
    fn field_changes(&self, changes: &[FileChange]) -> Vec<FieldChange> {
        let changes = changes.iter().filter(|change| is_yaml(&change.path));
        history::field_changes(changes.map(|change| FileFields {
            before: self.versions.fields(&change.path, change.before),
            after: self.versions.fields(&change.path, change.after),
        }))
    }
}

fn not_given() -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message: "commits of the history were not given; the next pass reads them again; please report this as a bug"
            .to_owned(),
    }
}

fn hash(bump: &Bump) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&bump.field, &bump.new, &bump.new_image).hash(&mut hasher);
    hasher.finish()
}
