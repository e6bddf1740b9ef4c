//! The config repo on its server: commits with parents and trees, one branch, and a push by compare-and-swap.

use super::manifests::{Declared, Declares, declares};
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{FileChange, NewCommit};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The author of the agent's commits.
pub(super) const AGENT: &str = "Tidegate <tidegate@localhost>";
/// The author of everybody else's.
pub(super) const PERSON: &str = "Jo <jo@acme.example>";

/// The files of a commit.
pub(super) type Tree = BTreeMap<RepoPath, BlobId>;

/// A commit.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) parent: Option<CommitId>,
    pub(super) author: &'static str,
    pub(super) message: String,
    pub(super) time: Timestamp,
    pub(super) tree: Tree,
    pub(super) changes: Vec<FileChange>,
    pub(super) declares: Declares,
    pub(super) depth: usize,
}

/// The server.
pub(super) struct GitServer {
    commits: BTreeMap<CommitId, Arc<Commit>>,
    blobs: BTreeMap<BlobId, (Vec<u8>, Declared)>,
    head: Option<CommitId>,
    /// Every head that the branch has had.
    pub(super) heads: Vec<CommitId>,
}

impl GitServer {
    pub(super) fn new() -> Self {
        Self {
            commits: BTreeMap::new(),
            blobs: BTreeMap::new(),
            head: None,
            heads: Vec::new(),
        }
    }

    pub(super) fn head(&self) -> CommitId {
        self.head.expect("a run begins with a commit")
    }

    pub(super) fn commit(&self, id: CommitId) -> Option<&Arc<Commit>> {
        self.commits.get(&id)
    }

    /// A commit that is known to exist.
    pub(super) fn at(&self, id: CommitId) -> &Arc<Commit> {
        &self.commits[&id]
    }

    pub(super) fn bytes(&self, id: &BlobId) -> Option<&Vec<u8>> {
        self.blobs.get(id).map(|(bytes, _)| bytes)
    }

    /// What a file declares.
    pub(super) fn declared(&self, id: &BlobId) -> &Declared {
        &self.blobs[id].1
    }

    /// A commit and its ancestors, newest first.
    pub(super) fn line(&self, from: Option<CommitId>) -> impl Iterator<Item = (CommitId, &Arc<Commit>)> {
        let find = |id: CommitId| self.commits.get(&id).map(|commit| (id, commit));
        std::iter::successors(from.and_then(find), move |(_, commit)| commit.parent.and_then(find))
    }

    pub(super) fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> bool {
        let Some(depth) = self.commits.get(&ancestor).map(|commit| commit.depth) else {
            return false;
        };
        let mut line = self
            .line(Some(descendant))
            .take_while(|(_, commit)| commit.depth >= depth);
        line.any(|(id, _)| id == ancestor)
    }

    /// Stores a content.
    pub(super) fn blob(&mut self, bytes: Vec<u8>) -> BlobId {
        let id = BlobId::from_bytes(hash(&[&bytes]));
        self.blobs.entry(id).or_insert_with(|| {
            let declared = Declared::read(&String::from_utf8_lossy(&bytes));
            (bytes, declared)
        });
        id
    }

    /// Stores a commit. The id is that of its content: two writers of the same commit make one.
    pub(super) fn add(
        &mut self,
        parent: Option<CommitId>,
        author: &'static str,
        message: String,
        time: Timestamp,
        tree: Tree,
    ) -> CommitId {
        let before = parent.map(|parent| Arc::clone(self.at(parent)));
        let time = before.as_ref().map_or(time, |before| before.time.max(time));
        let id = commit_id(parent, author, &message, time, &tree);
        let changes = diff(before.as_ref().map(|before| &before.tree), &tree);
        let declares = declares(&tree, |blob| self.blobs[blob].1.clone());
        let commit = Commit {
            parent,
            author,
            message,
            time,
            tree,
            changes,
            declares,
            depth: before.map_or(0, |before| before.depth + 1),
        };
        self.commits.entry(id).or_insert_with(|| Arc::new(commit));
        id
    }

    /// Moves the branch.
    pub(super) fn set_head(&mut self, id: CommitId) {
        self.head = Some(id);
        self.heads.push(id);
    }

    /// Makes the agent's commits in the object store. `None`: an edit starts from bytes that are not there.
    pub(super) fn make(&mut self, plans: &[NewCommit]) -> Option<Vec<CommitId>> {
        let base = plans.first()?.parent;
        let base_tree = self.commit(base)?.tree.clone();
        let (mut last, mut made) = (base, Vec::new());
        for plan in plans {
            let mut tree = self.at(last).tree.clone();
            for edit in &plan.edits {
                if base_tree.get(&edit.path) != Some(&edit.from) {
                    return None;
                }
                let blob = self.blob(edit.bytes.clone());
                tree.insert(edit.path.clone(), blob);
            }
            last = self.add(Some(last), AGENT, plan.message.clone(), plan.time, tree);
            made.push(last);
        }
        Some(made)
    }
}

/// The files that differ, ordered by path.
pub(super) fn diff(before: Option<&Tree>, after: &Tree) -> Vec<FileChange> {
    let none = Tree::new();
    let before = before.unwrap_or(&none);
    let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let changes = changed.map(|path| FileChange {
        path: path.clone(),
        before: before.get(path).copied(),
        after: after.get(path).copied(),
    });
    changes.collect()
}

fn commit_id(parent: Option<CommitId>, author: &str, message: &str, time: Timestamp, tree: &Tree) -> CommitId {
    let time = time.as_second().to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![author.as_bytes(), message.as_bytes(), &time];
    if let Some(parent) = &parent {
        parts.push(parent.as_bytes());
    }
    for (path, blob) in tree {
        parts.push(path.as_str().as_bytes());
        parts.push(blob.as_bytes());
    }
    CommitId::from_bytes(hash(&parts))
}

fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut id = [0; 20];
    id.copy_from_slice(&digest[..20]);
    id
}
