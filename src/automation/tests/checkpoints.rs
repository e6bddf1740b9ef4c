//! A reader that starts from a checkpoint knows what a reader knows that reads everything, and reads less.

use crate::automation::HistoryReader;
use crate::automation::decide_with_history::holds;
use crate::history::Bump;
use crate::model::{BlobId, CommitId, FieldId, FieldName, ObjectId, RepoPath, Tag};
use crate::notice::Reporter;
use crate::port::{
    ConfigRepo, FileChange, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeListing,
};
use jiff::Timestamp;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const FIELDS: u32 = 7;
/// One bump in so many is taken back.
const TAKEN_BACK: u32 = 10;

/// A branch of one line. Commit `n` bumps a field to `tn`, or takes the bump before it back.
struct Branch {
    /// Tells the commits of this line from those of another one.
    name: u8,
    commits: AtomicUsize,
    /// Commits before this one are not there unless `whole` is set.
    first: usize,
    whole: AtomicBool,
    kept: Mutex<Option<Vec<u8>>>,
    /// So many calls for commits succeed.
    patience: AtomicUsize,
}

impl Branch {
    fn new(name: u8, commits: usize) -> Self {
        Self {
            name,
            commits: AtomicUsize::new(commits),
            first: 0,
            whole: AtomicBool::new(true),
            kept: Mutex::new(None),
            patience: AtomicUsize::new(usize::MAX),
        }
    }

    fn head(&self) -> CommitId {
        self.id(self.commits.load(Ordering::Relaxed) - 1)
    }

    /// Both lines have the same commits up to the 100th.
    fn id(&self, number: usize) -> CommitId {
        let mut bytes = [0; 20];
        bytes[0] = if number < 100 { 0 } else { self.name };
        bytes[1..9].copy_from_slice(&number.to_be_bytes());
        CommitId::from_bytes(bytes)
    }

    fn number(&self, id: CommitId) -> Option<usize> {
        let number = usize::from_be_bytes(id.as_bytes()[1..9].try_into().unwrap());
        (number < self.commits.load(Ordering::Relaxed) && self.id(number) == id).then_some(number)
    }

    fn first(&self) -> usize {
        if self.whole.load(Ordering::Relaxed) {
            0
        } else {
            self.first
        }
    }

    fn commit(&self, number: usize) -> HistoryCommit {
        let (field, before, after) = step(u32::try_from(number).unwrap());
        let is_cut = number == self.first() && number > 0;
        let message = match after < before {
            true => "Revert".to_owned(),
            false => format!("Bump\n\n{}\n", bump(field, after).trailer()),
        };
        let change = FileChange {
            path: RepoPath::parse(&format!("apps/{field}.yaml")).unwrap(),
            before: Some(blob(field, before)),
            after: Some(blob(field, after)),
        };
        HistoryCommit {
            id: self.id(number),
            parents: (number > self.first())
                .then(|| self.id(number - 1))
                .into_iter()
                .collect(),
            author: "Jo <jo@acme.example>".to_owned(),
            committed_at: at(number),
            message,
            changes: if is_cut { Vec::new() } else { vec![change] },
            merged: Vec::new(),
        }
    }

    async fn read(&self) -> (HistoryReader, Result<(), RepoFailure>) {
        let mut reader = HistoryReader::default();
        let read = reader.read(self, self.head()).await.map(drop);
        (reader, read)
    }

    /// How many commits a new process reads. It must know what one knows that has no checkpoint.
    async fn reads(&self) -> usize {
        let (mut reader, read) = self.read().await;
        read.unwrap();
        let read = reader.reads().commits;
        let kept = self.kept.lock().unwrap().clone();
        *self.kept.lock().unwrap() = None;
        let mut anew = HistoryReader::default();
        let expected = anew.read(self, self.head()).await.unwrap();
        let found = reader.read(self, self.head()).await.unwrap();
        assert_eq!(found.holds, expected.holds);
        assert!(!found.holds.is_empty() || self.commits.load(Ordering::Relaxed) < 20);
        for field in (0..FIELDS).map(field_id) {
            assert_eq!(found.since(&field), expected.since(&field), "{field}");
        }
        *self.kept.lock().unwrap() = kept;
        read
    }

    /// How many commits a new process reads.
    async fn count(&self) -> usize {
        let (reader, read) = self.read().await;
        read.unwrap();
        reader.reads().commits
    }

    fn push(&self, commits: usize) {
        self.commits.fetch_add(commits, Ordering::Relaxed);
    }
}

fn at(number: usize) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + 60 * i64::try_from(number).unwrap()).unwrap()
}

/// The field that a commit changes, and its tag before and after.
fn step(number: u32) -> (u32, u32, u32) {
    let tag = |number: u32| number.saturating_sub(FIELDS);
    match number % TAKEN_BACK {
        9 => {
            let (field, before, after) = step(number - 1);
            (field, after, before)
        }
        _ => (number % FIELDS, last_tag(tag(number)), number),
    }
}

/// What a bump found: the tag of the bump before, unless that one was taken back.
fn last_tag(number: u32) -> u32 {
    match number % TAKEN_BACK {
        8 | 9 => number.saturating_sub(number % TAKEN_BACK),
        _ => number,
    }
}

fn field_id(field: u32) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), &format!("o{field}")),
        field: FieldName("main".to_owned()),
    }
}

fn bump(field: u32, tag: u32) -> Bump {
    Bump {
        field: field_id(field),
        image: "registry.example/shop/web".to_owned(),
        new_image: None,
        old: None,
        new: Tag::parse(&format!("t{tag}")).unwrap(),
        digest: None,
        pinned: false,
        old_digest: None,
    }
}

fn blob(field: u32, tag: u32) -> BlobId {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&field.to_be_bytes());
    bytes[4..8].copy_from_slice(&tag.to_be_bytes());
    BlobId::from_bytes(bytes)
}

fn content(id: &BlobId) -> Vec<u8> {
    let number = |from: usize| u32::from_be_bytes(id.as_bytes()[from..from + 4].try_into().unwrap());
    let (field, tag) = (number(0), number(4));
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: o{field}, namespace: shop}}\nspec: {{template: {{spec: \
         {{containers: [{{name: main, image: \"registry.example/shop/web:t{tag}\"}}]}}}}}}\n",
    );
    text.into_bytes()
}

impl ConfigRepo for Branch {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(self.head())
    }

    async fn files(&self, _: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        Ok(TreeListing::default())
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Ok(ids.iter().map(|id| Some(content(id))).collect())
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        unreachable!("the history is read in parts")
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        _: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        let (tip, until) = (
            self.number(tip).unwrap(),
            until.map(|until| self.number(until).unwrap() + 1),
        );
        Ok((until.unwrap_or(self.first())..=tip)
            .rev()
            .map(|number| self.id(number))
            .collect())
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        if self.patience.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(RepoFailure {
                problem: RepoProblem::Other,
                message: "the disk does not answer".to_owned(),
            });
        }
        Ok(ids
            .into_iter()
            .map(|id| self.commit(self.number(id).unwrap()))
            .collect())
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        Ok(self
            .number(ancestor)
            .is_some_and(|number| number <= self.number(descendant).unwrap()))
    }

    async fn is_whole(&self) -> Result<bool, RepoFailure> {
        Ok(self.whole.load(Ordering::Relaxed))
    }

    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        Ok(!self.whole.swap(true, Ordering::Relaxed))
    }

    async fn checkpoint(&self) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().clone()
    }

    async fn keep_checkpoint(&self, bytes: Vec<u8>) {
        *self.kept.lock().unwrap() = Some(bytes);
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(PushOutcome::Lost)
    }
}

#[tokio::test]
async fn a_process_that_starts_reads_only_what_came_after_the_checkpoint() {
    let branch = Branch::new(1, 2000);
    assert_eq!(branch.count().await, 2000);
    assert_eq!(branch.count().await, 0, "nothing is new");
    branch.push(5);
    assert_eq!(branch.count().await, 5);
    branch.push(3);
    assert_eq!(branch.count().await, 8, "few commits are not worth a checkpoint");
    branch.push(300);
    assert_eq!(branch.reads().await, 308);
    assert_eq!(branch.count().await, 0);
}

#[tokio::test]
async fn a_checkpoint_that_does_not_fit_is_as_good_as_none() {
    let branch = Branch::new(1, 110);
    branch.count().await;
    let kept = branch.kept.lock().unwrap().clone().unwrap();
    let other = Branch::new(2, 110);
    other.count().await;
    let foreign = other.kept.lock().unwrap().clone().unwrap();
    let mut other_reading = kept.clone();
    other_reading[0] += 1;
    let longer = [&kept[..], b"x"].concat();
    let cuts = (0..kept.len())
        .step_by(kept.len() / 12)
        .map(|length| kept[..length].to_vec());
    for bytes in cuts.chain([foreign, other_reading, longer, Vec::new()]) {
        *branch.kept.lock().unwrap() = Some(bytes);
        assert_eq!(branch.reads().await, 110);
    }
    *branch.kept.lock().unwrap() = Some(kept);
    assert_eq!(branch.reads().await, 0);
}

/// A person resets the branch to a commit before the checkpoint, and pushes other commits.
#[tokio::test]
async fn a_rewritten_history_is_read_anew() {
    let (old, new) = (Branch::new(1, 300), Branch::new(2, 250));
    old.reads().await;
    *new.kept.lock().unwrap() = old.kept.lock().unwrap().take();
    assert_eq!(new.reads().await, 250);
    assert_eq!(new.reads().await, 0);
    let mut reader = HistoryReader::default();
    reader.read(&old, old.head()).await.unwrap();
    let back = Branch::new(2, 90);
    let found = reader.read(&back, back.head()).await.unwrap().holds.clone();
    let mut anew = HistoryReader::default();
    assert_eq!(found, anew.read(&back, back.head()).await.unwrap().holds);
}

#[tokio::test]
async fn a_part_of_the_history_makes_no_checkpoint() {
    let branch = Branch {
        first: 150,
        whole: AtomicBool::new(false),
        ..Branch::new(1, 300)
    };
    let (_, read) = branch.read().await;
    read.unwrap();
    assert!(branch.kept.lock().unwrap().is_none());
    let reporter = Reporter::new(Vec::new());
    holds(&branch, branch.head(), &mut HistoryReader::default(), &reporter)
        .await
        .unwrap();
    assert_eq!(branch.reads().await, 0, "the whole history was read and kept");
}

/// Another loop asks about an ancestor, and for that the rest of the history is fetched.
#[tokio::test]
async fn a_history_that_somebody_else_completes_is_read_as_a_whole() {
    let branch = Branch {
        first: 150,
        whole: AtomicBool::new(false),
        ..Branch::new(1, 151)
    };
    let reporter = Reporter::new(Vec::new());
    let mut reader = HistoryReader::default();
    assert!(reader.read(&branch, branch.head()).await.unwrap().holds.is_empty());
    branch.unshallow().await.unwrap();
    let held = holds(&branch, branch.head(), &mut reader, &reporter).await.unwrap();
    assert!(!held.is_empty());
}

#[tokio::test]
async fn a_reading_that_fails_in_the_middle_leaves_nothing_half_known() {
    for patience in 0..8 {
        let branch = Branch::new(1, 1000);
        branch.patience.store(patience, Ordering::Relaxed);
        let (mut reader, read) = branch.read().await;
        assert_eq!(read.is_err(), patience < 4, "1000 commits are four batches");
        branch.patience.store(usize::MAX, Ordering::Relaxed);
        branch.push(400);
        let found = reader.read(&branch, branch.head()).await.unwrap().holds.clone();
        let mut anew = HistoryReader::default();
        assert_eq!(found, anew.read(&branch, branch.head()).await.unwrap().holds);
    }
}
