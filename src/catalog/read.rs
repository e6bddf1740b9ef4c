#[cfg(test)]
mod tests;

use super::declared::Snapshot;
use super::folders::{self, Folders};
use super::patch::Changed;
use super::reading::{FileReading, MAX_FILE_BYTES, Wanted, read_all};
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, DeclaredState, FileChange, RepoFailure, TreeFile};
use crate::telemetry::Metrics;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Reads commits, remembering what it has read.
#[derive(Debug)]
pub struct Catalog {
    paths: Vec<RepoPath>,
    readings: HashMap<(RepoPath, BlobId), Arc<FileReading>>,
    latest: Option<Snapshot>,
    folders: Folders,
    metrics: Metrics,
}

impl Catalog {
    /// A catalog of what lies below `paths` (of everything, if empty).
    pub fn new(paths: Vec<RepoPath>, metrics: Metrics) -> Self {
        Self {
            paths,
            readings: HashMap::new(),
            latest: None,
            folders: Folders::default(),
            metrics,
        }
    }

    /// What is declared at a commit.
    ///
    /// # Errors
    /// The repository could not be read; bad files are findings, not errors.
    pub async fn read(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Arc<DeclaredState>, RepoFailure> {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.state.commit == commit) {
            return Ok(Arc::clone(&latest.state));
        }
        if let Some(snapshot) = self.read_on(repo, commit).await? {
            return Ok(self.remember(snapshot));
        }
        let files = repo.files(commit, self.paths.clone()).await?;
        self.folders = Folders::of(files.iter().map(|file| &file.path));
        let mut findings = folders::vanished(&self.paths, &files);
        let (manifests, passed_over) = folders::manifests(&files, |file| &file.path);
        findings.extend(passed_over);
        let parsed = self.load(repo, &manifests, Wanted::Objects).await?;
        let images_only = folders::images_only(&files, |file| &file.path);
        let parsed = parsed + self.load(repo, &images_only, Wanted::Images).await?;
        let known = |files: &[TreeFile]| -> Vec<_> {
            let reading = |file: &TreeFile| self.readings.get(&(file.path.clone(), file.blob)).map(Arc::clone);
            files
                .iter()
                .filter_map(|file| Some((file.clone(), reading(file)?)))
                .collect()
        };
        let (readings, beside) = (known(&manifests), known(&images_only));
        let current: BTreeSet<_> = manifests
            .into_iter()
            .chain(images_only)
            .map(|file| (file.path, file.blob))
            .collect();
        self.readings.retain(|key, _| current.contains(key));
        let snapshot = Snapshot::gather(commit, &readings, &beside, findings, parsed);
        Ok(self.remember(snapshot))
    }

    fn remember(&mut self, snapshot: Snapshot) -> Arc<DeclaredState> {
        tracing::debug!(commit = %snapshot.state.commit, files = snapshot.parsed, "read");
        Arc::clone(&self.latest.insert(snapshot).state)
    }

    /// The same from the latest commit that was read, looking at nothing but the files that differ: whoever races others
    /// for the branch has no time to look at twenty thousand. `None` where what differs concerns more than its own files.
    async fn read_on(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Option<Snapshot>, RepoFailure> {
        let Some(latest) = self.latest.clone() else {
            return Ok(None);
        };
        // A commit that is no longer in the mirror is not worth an error: all files are read then.
        let Ok(Some(changes)) = repo.changes(latest.state.commit, commit).await else {
            return Ok(None);
        };
        let wanted = |path: &RepoPath| self.paths.is_empty() || self.paths.iter().any(|wanted| path.is_within(wanted));
        let changes: Vec<FileChange> = changes.into_iter().filter(|change| wanted(&change.path)).collect();
        let complete = latest.state.targets.values().all(|target| target.complete);
        let is_local = |change: &FileChange| {
            let (is_new, is_gone) = (change.before.is_none(), change.after.is_none());
            let stays = !is_gone && (complete || !is_new);
            stays && !Folders::is_told_by(&change.path) && self.folders.are_beside(&change.path)
        };
        if changes.len() > BATCH || !changes.iter().all(is_local) {
            return Ok(None);
        }
        let manifests: Vec<TreeFile> = changes
            .into_iter()
            .filter(|change| self.folders.has_manifest(&change.path))
            .filter_map(|change| {
                Some(TreeFile {
                    path: change.path,
                    blob: change.after?,
                })
            })
            .collect();
        let parsed = self.load(repo, &manifests, Wanted::Objects).await?;
        let mut changed = Vec::new();
        for file in manifests {
            let at = |blob| self.readings.get(&(file.path.clone(), blob)).map(Arc::clone);
            let before = latest.state.blobs.get(&file.path).and_then(|blob| at(*blob));
            let Some(after) = at(file.blob) else { return Ok(None) };
            changed.push(Changed { file, before, after });
        }
        let Some(snapshot) = latest.patched(commit, &changed, parsed) else {
            return Ok(None);
        };
        for Changed { file, .. } in &changed {
            if let Some(old) = latest.state.blobs.get(&file.path).filter(|old| **old != file.blob) {
                self.readings.remove(&(file.path.clone(), *old));
            }
        }
        Ok(Some(snapshot))
    }

    /// Reads files that are not known yet; how many of them went through a parser.
    async fn load(&mut self, repo: &impl ConfigRepo, files: &[TreeFile], what: Wanted) -> Result<usize, RepoFailure> {
        let wanted: Vec<TreeFile> = files
            .iter()
            .filter(|file| !self.readings.contains_key(&(file.path.clone(), file.blob)))
            .cloned()
            .collect();
        let mut parsed = 0;
        for batch in wanted.chunks(BATCH) {
            let bytes = repo
                .blobs(batch.iter().map(|file| file.blob).collect(), MAX_FILE_BYTES)
                .await?;
            let batch = batch.to_vec();
            let read = tokio::task::spawn_blocking(move || read_all(batch, bytes, what)).await;
            let (readings, batch_parsed) = read.unwrap_or_default();
            self.readings.extend(readings);
            self.metrics.files_parsed(batch_parsed);
            parsed += batch_parsed;
        }
        Ok(parsed)
    }
}

/// Files held in memory at once: 256 of at most 4 MiB, in practice of a few kilobytes each.
const BATCH: usize = 256;
