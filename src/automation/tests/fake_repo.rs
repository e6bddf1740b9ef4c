//! A config repo in memory: a followed branch, other branches, races and refusals.

use crate::model::{BlobId, BranchName, CommitId, RepoPath};
use crate::port::{
    ConfigRepo, FileChange, HistoryCommit, NewCommit, ProposalBranches, PushOutcome, RepoFailure, RepoProblem,
    TreeFile, TreeListing,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Tree = BTreeMap<RepoPath, BlobId>;

#[derive(Debug, Clone)]
struct Commit {
    parent: Option<CommitId>,
    author: String,
    message: String,
    time: Timestamp,
    tree: Tree,
}

/// What another writer does right before a push of ours arrives.
type Intrusion = Box<dyn FnOnce(&FakeRepo) + Send>;

#[derive(Default)]
struct State {
    head: Option<CommitId>,
    branches: BTreeMap<BranchName, CommitId>,
    commits: HashMap<CommitId, Commit>,
    blobs: HashMap<BlobId, Vec<u8>>,
    intrusions: Vec<Intrusion>,
    refusals: Vec<PushOutcome>,
    pushes: usize,
    made: u8,
}

/// The repository. Ids are numbers in the order of creation.
#[derive(Default)]
pub(super) struct FakeRepo(Mutex<State>);

impl FakeRepo {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person commits files to the followed branch.
    pub(super) fn person_commits(&self, message: &str, files: &[(&str, &str)]) -> CommitId {
        let mut state = self.state();
        let parent = state.head;
        let id = state.add(parent, "Jo <jo@acme.example>", message, files);
        state.head = Some(id);
        id
    }

    /// A person commits files to another branch, on top of what is there.
    pub(super) fn person_commits_to(&self, branch: &BranchName, message: &str, files: &[(&str, &str)]) -> CommitId {
        let mut state = self.state();
        let parent = state.branches.get(branch).copied();
        let id = state.add(parent, "Jo <jo@acme.example>", message, files);
        state.branches.insert(branch.clone(), id);
        id
    }

    /// Another writer acts right before the next push of ours arrives. Several of them act before one push each.
    pub(super) fn before_next_push(&self, act: impl FnOnce(&Self) + Send + 'static) {
        self.state().intrusions.insert(0, Box::new(act));
    }

    /// The server answers the next push with this.
    pub(super) fn answer_next_push(&self, outcome: PushOutcome) {
        self.state().refusals.push(outcome);
    }

    /// A file at the head of the followed branch.
    pub(super) fn file(&self, path: &str) -> String {
        let state = self.state();
        state.text(state.head.unwrap(), path)
    }

    /// A file at the head of another branch.
    pub(super) fn file_on(&self, branch: &BranchName, path: &str) -> Option<String> {
        let state = self.state();
        let head = *state.branches.get(branch)?;
        Some(state.text(head, path))
    }

    /// The messages on the followed branch, oldest first, subjects only.
    pub(super) fn subjects(&self) -> Vec<String> {
        let state = self.state();
        let mut subjects: Vec<String> = state
            .line(state.head)
            .map(|(_, commit)| commit.message.lines().next().unwrap_or_default().to_owned())
            .collect();
        subjects.reverse();
        subjects
    }

    /// How many pushes have arrived, whatever became of them.
    pub(super) fn pushes(&self) -> usize {
        self.state().pushes
    }

    /// A push arrives: others act first, then the server may refuse it.
    fn arrive(&self) -> Option<PushOutcome> {
        let intrusion = {
            let mut state = self.state();
            state.pushes += 1;
            state.intrusions.pop()
        };
        if let Some(act) = intrusion {
            act(self);
        }
        self.state().refusals.pop()
    }
}

impl State {
    fn add(&mut self, parent: Option<CommitId>, author: &str, message: &str, files: &[(&str, &str)]) -> CommitId {
        let mut tree = parent
            .map(|parent| self.commits[&parent].tree.clone())
            .unwrap_or_default();
        for (path, text) in files {
            let blob = self.blob(text.as_bytes().to_vec());
            tree.insert(RepoPath::parse(path).unwrap(), blob);
        }
        self.insert(Commit {
            parent,
            author: author.to_owned(),
            message: message.to_owned(),
            time: Timestamp::from_second(1_750_000_000 + 3600 * i64::from(self.made)).unwrap(),
            tree,
        })
    }

    fn insert(&mut self, commit: Commit) -> CommitId {
        self.made += 1;
        let id = CommitId::from_bytes([self.made; 20]);
        self.commits.insert(id, commit);
        id
    }

    fn blob(&mut self, bytes: Vec<u8>) -> BlobId {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let mut id = [0; 20];
        id[..8].copy_from_slice(&hasher.finish().to_be_bytes());
        let id = BlobId::from_bytes(id);
        self.blobs.insert(id, bytes);
        id
    }

    fn text(&self, commit: CommitId, path: &str) -> String {
        let blob = self.commits[&commit].tree[&RepoPath::parse(path).unwrap()];
        String::from_utf8(self.blobs[&blob].clone()).unwrap()
    }

    /// A commit and its ancestors, newest first.
    fn line(&self, head: Option<CommitId>) -> impl Iterator<Item = (CommitId, &Commit)> {
        let commit = |id: CommitId| (id, &self.commits[&id]);
        std::iter::successors(head.map(commit), move |(_, last)| last.parent.map(commit))
    }

    fn changes(&self, from: Option<CommitId>, to: CommitId) -> Vec<FileChange> {
        let none = Tree::new();
        let before = from.map_or(&none, |from| &self.commits[&from].tree);
        let after = &self.commits[&to].tree;
        let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).collect();
        let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
        changed
            .map(|path| FileChange {
                path: path.clone(),
                before: before.get(path).copied(),
                after: after.get(path).copied(),
            })
            .collect()
    }

    /// Makes the commits, the first one on its own parent. An edit of other bytes than the ones that are there fails.
    fn make(&mut self, commits: Vec<NewCommit>) -> Result<CommitId, RepoFailure> {
        let base = commits
            .first()
            .map(|commit| commit.parent)
            .expect("a push has a commit");
        let mut last = base;
        for commit in commits {
            let mut tree = self.commits[&last].tree.clone();
            for edit in commit.edits {
                if self.commits[&base].tree.get(&edit.path) != Some(&edit.from) {
                    return Err(RepoFailure {
                        problem: RepoProblem::Other,
                        message: format!("{}: edited on other bytes than the ones that are there", edit.path),
                    });
                }
                let blob = self.blob(edit.bytes);
                tree.insert(edit.path, blob);
            }
            last = self.insert(Commit {
                parent: Some(last),
                author: "Tidegate <tidegate@acme.example>".to_owned(),
                message: commit.message,
                time: commit.time,
                tree,
            });
        }
        Ok(last)
    }

    /// Whether the head of a branch is already what these commits make on the same parent.
    fn is_same(&self, head: CommitId, commits: &[NewCommit]) -> bool {
        let [commit] = commits else { return false };
        let there = &self.commits[&head];
        there.parent == Some(commit.parent) && there.message == commit.message && there.time == commit.time
    }
}

impl ConfigRepo for FakeRepo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(self.state().head.expect("the branch has a commit"))
    }

    async fn files(&self, commit: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        let state = self.state();
        let files = state.commits[&commit].tree.iter().map(|(path, blob)| TreeFile {
            path: path.clone(),
            blob: *blob,
        });
        let files = files.collect();
        Ok(TreeListing {
            files,
            unread: Vec::new(),
        })
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.blobs.get(id).cloned()).collect())
    }

    async fn history(
        &self,
        head: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let state = self.state();
        let known: BTreeSet<CommitId> = state.line(until).map(|(id, _)| id).collect();
        let new = state.line(Some(head)).take_while(|(id, _)| !known.contains(id));
        let read = new.take(limit).map(|(id, commit)| HistoryCommit {
            id,
            parents: commit.parent.into_iter().collect(),
            author: commit.author.clone(),
            committed_at: commit.time,
            message: commit.message.clone(),
            changes: state.changes(commit.parent, id),
            merged: Vec::new(),
        });
        Ok(read.collect())
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        let state = self.state();
        Ok(state.line(Some(descendant)).any(|(id, _)| id == ancestor))
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        if let Some(outcome) = self.arrive() {
            return Ok(outcome);
        }
        let mut state = self.state();
        if state.head != commits.first().map(|commit| commit.parent) {
            return Ok(PushOutcome::Lost);
        }
        let head = state.make(commits)?;
        state.head = Some(head);
        Ok(PushOutcome::Landed(head))
    }
}

impl ProposalBranches for FakeRepo {
    async fn branch_head(&self, branch: BranchName, _: CommitId) -> Result<Option<CommitId>, RepoFailure> {
        Ok(self.state().branches.get(&branch).copied())
    }

    async fn replace_branch(
        &self,
        branch: BranchName,
        seen: Option<CommitId>,
        commits: Vec<NewCommit>,
    ) -> Result<PushOutcome, RepoFailure> {
        if let Some(seen) = seen.filter(|seen| self.state().is_same(*seen, &commits)) {
            return Ok(PushOutcome::Landed(seen));
        }
        if let Some(outcome) = self.arrive() {
            return Ok(outcome);
        }
        let mut state = self.state();
        if state.branches.get(&branch).copied() != seen {
            return Ok(PushOutcome::Lost);
        }
        let head = state.make(commits)?;
        state.branches.insert(branch, head);
        Ok(PushOutcome::Landed(head))
    }

    async fn remove_branch(&self, branch: BranchName, seen: CommitId) -> Result<PushOutcome, RepoFailure> {
        if let Some(outcome) = self.arrive() {
            return Ok(outcome);
        }
        let mut state = self.state();
        if state.branches.get(&branch) != Some(&seen) {
            return Ok(PushOutcome::Lost);
        }
        state.branches.remove(&branch);
        Ok(PushOutcome::Landed(seen))
    }
}
