//! Readings of commits in memory.

mod argo_cd;
mod carry_out;
mod flux_v1;
mod flux_v2;
mod publishing;
mod reach;
mod reading;
mod rendering;
mod targets;
mod unread;
mod variables;

use super::assign::TargetPaths;
use super::reader::Reader;
use super::reading::BATCH;
use crate::model::{BlobId, CommitId, RepoPath, TargetId};
use crate::port::{
    ConfigRepo, DeclaredState, FileChange, HistoryCommit, NewCommit, PushOutcome, RepoFailure, TargetState, TreeFile,
    TreeListing, UnreadEntry,
};
use crate::telemetry::Metrics;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// Commits as lists of paths and texts; equal texts are one blob.
#[derive(Default)]
struct Commits {
    files: BTreeMap<CommitId, Vec<TreeFile>>,
    /// The entries of commits that are not read.
    unread: BTreeMap<CommitId, Vec<UnreadEntry>>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
    /// Whether two commits can be compared.
    compares: bool,
    /// What a fetch finds.
    head: Option<CommitId>,
    /// How often all files of a commit were listed.
    listings: AtomicUsize,
    /// A listing of this commit does not end while the gate is closed.
    gate: Option<(CommitId, watch::Receiver<bool>)>,
}

impl Commits {
    fn add(&mut self, number: u8, files: &[(&str, &str)]) -> CommitId {
        let commit = CommitId::from_bytes([number; 20]);
        let mut tree = Vec::new();
        for (path, text) in files {
            let known = self.blobs.iter().find(|(_, bytes)| bytes.as_slice() == text.as_bytes());
            let next = u8::try_from(self.blobs.len()).unwrap();
            let blob = known.map_or(BlobId::from_bytes([next; 20]), |(blob, _)| *blob);
            self.blobs.insert(blob, text.as_bytes().to_vec());
            let path = RepoPath::parse(path).unwrap();
            tree.push(TreeFile { path, blob });
        }
        self.files.insert(commit, tree);
        commit
    }

    /// A commit without files.
    fn add_empty(&self) -> CommitId {
        CommitId::from_bytes([255; 20])
    }
}

impl ConfigRepo for Commits {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(self.head.expect("the test sets a head"))
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        if let Some((_, gate)) = self.gate.as_ref().filter(|(gated, _)| *gated == commit) {
            let _ = gate.clone().wait_for(|open| *open).await;
        }
        let mut files = self.files.get(&commit).cloned().unwrap_or_default();
        files.retain(|file| paths.is_empty() || paths.iter().any(|path| file.path.is_within(path)));
        let unread = self.unread.get(&commit).cloned().unwrap_or_default();
        Ok(TreeListing { files, unread })
    }

    async fn changes(&self, from: CommitId, to: CommitId) -> Result<Option<Vec<FileChange>>, RepoFailure> {
        let at = |commit| -> BTreeMap<&RepoPath, BlobId> {
            let files = self.files.get(&commit).into_iter().flatten();
            files.map(|file| (&file.path, file.blob)).collect()
        };
        let (before, after) = (at(from), at(to));
        let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).copied().collect();
        let change = |path: &RepoPath| FileChange {
            path: path.clone(),
            before: before.get(path).copied(),
            after: after.get(path).copied(),
        };
        let changes = paths.into_iter().map(change);
        Ok(self
            .compares
            .then(|| changes.filter(|change| change.before != change.after).collect()))
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        assert!(ids.len() <= BATCH, "{} files are in memory at once", ids.len());
        let contents = ids.iter().map_while(|id| self.blobs.get(id).cloned().map(Some));
        Ok(contents.collect())
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        Ok(Vec::new())
    }

    async fn is_ancestor(&self, _: CommitId, _: CommitId) -> Result<bool, RepoFailure> {
        Ok(true)
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        unreachable!("the reader writes nothing")
    }
}

const WEB: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: b}}";
const NEW_WEB: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: c}}";
const API: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: api}}";
const BROKEN: &str = "kind: [";

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn reader(paths: Vec<RepoPath>) -> Reader {
    Reader::new(vec![TargetPaths::here(paths)], Vec::new(), Metrics::new())
}

fn here(declared: &DeclaredState) -> &TargetState {
    declared.target(&TargetId::here()).unwrap()
}

/// The files that the last reading parsed.
fn parsed(reader: &Reader) -> usize {
    reader.latest.as_ref().unwrap().parsed
}
