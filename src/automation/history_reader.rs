use super::file_versions::{FileVersions, is_yaml};
use super::known_history::KnownHistory;
use crate::history::{self, Commit, FieldChange, FileFields, Hold};
use crate::model::{CommitId, FieldId};
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure, RepoProblem};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Reads the branch's history for holds. After the first reading it reads new commits only, and a process that starts reads on
/// from where an earlier one has kept a checkpoint.
#[derive(Debug, Default)]
pub struct HistoryReader {
    known: KnownHistory,
    versions: FileVersions,
    commits: usize,
    is_cut: bool,
    /// Whether the repository had its whole history when it was read.
    is_whole: bool,
    /// Commits that were read since the last checkpoint.
    unkept: usize,
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

/// How many commits are searched for bumps: some hundred bytes each.
pub(super) const LONGEST_HISTORY: usize = 1_000_000;
/// Commits whose files are in memory at once.
const BATCH: usize = 256;
/// So many commits are read again sooner than a checkpoint is written for them.
const WORTH_A_CHECKPOINT: usize = 64;

impl HistoryReader {
    /// Whether a commit in the history records this bump: the same field and tag, and the same new name.
    pub(super) fn has_bump(&self, bump: &PlannedBump) -> bool {
        self.known.index.has_bump(&bump.record())
    }

    /// The commit that last wrote a field, if it records a bump of ours.
    pub(super) fn last_bump(&self, field: &FieldId) -> Option<CommitId> {
        self.known.index.last_bump(field)
    }

    /// What the history up to `head` says.
    ///
    /// # Errors
    /// The repository could not be read. The next call reads on from what was known before, or from the checkpoint.
    pub async fn read(&mut self, repo: &impl ConfigRepo, head: CommitId) -> Result<&FieldHistory, RepoFailure> {
        if self.known.head != Some(head) {
            self.find_beginning(repo, head).await?;
            self.read_on(repo, head).await?;
            self.past = FieldHistory {
                holds: self.known.index.holds(),
                revision: self.past.revision + 1,
                written: self.known.index.written(),
                otherwise: self.known.oldest.unwrap_or(self.known.head_time),
            };
            self.keep(repo).await;
        }
        Ok(&self.past)
    }

    /// Leaves known what `head` descends from: what this process has read, what a checkpoint has, or nothing.
    async fn find_beginning(&mut self, repo: &impl ConfigRepo, head: CommitId) -> Result<(), RepoFailure> {
        match self.known.head {
            Some(known) if repo.is_ancestor(known, head).await? => return Ok(()),
            _ => (self.known, self.is_cut) = (KnownHistory::default(), false),
        }
        self.unkept = 0;
        let kept = repo.checkpoint().await.and_then(|bytes| KnownHistory::read(&bytes));
        if let Some(kept) = kept
            && let Some(known) = kept.head
            && repo.is_ancestor(known, head).await?
        {
            (self.known, self.is_whole) = (kept, true);
        } else {
            self.is_whole = repo.is_whole().await?;
        }
        Ok(())
    }

    /// Reads the commits between what is known and `head`, batch by batch. If a batch after the first cannot be read, the head is
    /// not known any more, and the next reading finds another beginning.
    async fn read_on(&mut self, repo: &impl ConfigRepo, head: CommitId) -> Result<(), RepoFailure> {
        let until = self.known.head;
        let mut left = repo.history_ids(head, until, LONGEST_HISTORY).await?;
        if until.is_none() {
            // The mirror may have been fetched anew, and in part, since it was asked before.
            self.is_whole = self.is_whole && repo.is_whole().await?;
        }
        self.is_cut |= left.len() == LONGEST_HISTORY;
        left.reverse();
        let mut left: VecDeque<CommitId> = left.into();
        let first_seen = Timestamp::now();
        while !left.is_empty() {
            let asked = left.iter().take(BATCH).copied().collect();
            let batch = repo.commits(asked).await?;
            if batch.is_empty() {
                return Err(not_given());
            }
            left.drain(..batch.len().min(left.len()));
            self.take(repo, batch, first_seen).await?;
        }
        self.versions.forget();
        self.known.head = Some(head);
        Ok(())
    }

    /// Adds commits, oldest first, with the image fields that they change. Commits before the first bump make no hold, so their
    /// files are not read. A commit whose clock is ahead counts as made when it was first seen.
    async fn take(
        &mut self,
        repo: &impl ConfigRepo,
        mut batch: Vec<HistoryCommit>,
        first_seen: Timestamp,
    ) -> Result<(), RepoFailure> {
        (self.commits, self.unkept) = (self.commits + batch.len(), self.unkept + batch.len());
        let newest = batch.last().map(|newest| newest.committed_at.min(first_seen));
        let is_ours = |commit: &HistoryCommit| !history::bumps(&commit.message).is_empty();
        if self.known.index.is_empty() {
            let first = batch.iter().position(is_ours);
            batch.drain(..first.unwrap_or(batch.len()));
        }
        self.load(repo, &batch).await?;
        self.known.head = None;
        self.known.head_time = newest.unwrap_or(self.known.head_time);
        for commit in &batch {
            let commit = self.with_fields(commit, first_seen);
            self.known.oldest.get_or_insert(commit.committed_at);
            self.known.index.push(commit);
        }
        Ok(())
    }

    /// Keeps a checkpoint of a whole history, if much was read since the last one.
    async fn keep(&mut self, repo: &impl ConfigRepo) {
        if self.is_whole && !self.is_cut && self.unkept >= WORTH_A_CHECKPOINT {
            self.unkept = 0;
            repo.keep_checkpoint(self.known.to_bytes()).await;
        }
    }

    /// What the last reading found.
    pub(super) fn past(&self) -> &FieldHistory {
        &self.past
    }

    /// Whether all commits before the head were there when they were read.
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
        self.known = KnownHistory::default();
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
