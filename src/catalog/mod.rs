//! What the config repo declares at a commit: files read, objects and image fields found, once for all loops.
//!
//! Flow: the commit's files with their blob ids -> readings, from the cache where the same bytes were read before at the
//! same path -> [`Declared`]. A one-line commit parses one file. Chart folders are passed over with a notice; a reading
//! that is not whole says so, and then nothing may be concluded from what is absent.
//!
//! Deliberately absent: deciding anything about what was read.

mod declared;
mod folders;

pub use declared::{Declared, DeclaredObject};
pub use folders::manifests;

use crate::manifest::{self, Reading};
use crate::model::{BlobId, CommitId, Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, RepoFailure, TreeFile};
use crate::telemetry::Metrics;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The largest file that is read; etcd takes no object over 1.5 MiB, so this holds a few of them.
pub const MAX_FILE_BYTES: usize = manifest::MAX_FILE_BYTES;

/// Reads commits, remembering what it has read.
#[derive(Debug)]
pub struct Catalog {
    paths: Vec<RepoPath>,
    readings: HashMap<(RepoPath, BlobId), Arc<Reading>>,
    latest: Option<Arc<Declared>>,
    metrics: Metrics,
}

impl Catalog {
    /// A catalog of what lies below `paths` (of everything, if empty).
    pub fn new(paths: Vec<RepoPath>, metrics: Metrics) -> Self {
        Self {
            paths,
            readings: HashMap::new(),
            latest: None,
            metrics,
        }
    }

    /// What is declared at a commit.
    ///
    /// # Errors
    /// The repository could not be read; bad files are findings, not errors.
    pub async fn read(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Arc<Declared>, RepoFailure> {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.commit == commit) {
            return Ok(Arc::clone(latest));
        }
        let files = repo.files(commit, self.paths.clone()).await?;
        let mut findings = folders::vanished(&self.paths, &files);
        let (manifests, passed_over) = folders::manifests(&files, |file| &file.path);
        findings.extend(passed_over);
        let parsed = self.load(repo, &manifests).await?;
        let readings: Vec<_> = manifests
            .iter()
            .filter_map(|file| {
                self.readings
                    .get(&(file.path.clone(), file.blob))
                    .map(|reading| (file.clone(), Arc::clone(reading)))
            })
            .collect();
        let current: BTreeSet<_> = manifests.into_iter().map(|file| (file.path, file.blob)).collect();
        self.readings.retain(|key, _| current.contains(key));
        let declared = Arc::new(Declared::gather(commit, &readings, findings, parsed));
        self.latest = Some(Arc::clone(&declared));
        Ok(declared)
    }

    /// What one file says, wherever in the history it stands; kept until the next commit is read.
    ///
    /// # Errors
    /// The repository could not be read.
    pub async fn readings(
        &mut self,
        repo: &impl ConfigRepo,
        files: &[TreeFile],
    ) -> Result<Vec<Arc<Reading>>, RepoFailure> {
        self.load(repo, files).await?;
        Ok(files
            .iter()
            .filter_map(|file| self.readings.get(&(file.path.clone(), file.blob)).map(Arc::clone))
            .collect())
    }

    async fn load(&mut self, repo: &impl ConfigRepo, files: &[TreeFile]) -> Result<usize, RepoFailure> {
        let wanted: Vec<TreeFile> = files
            .iter()
            .filter(|file| !self.readings.contains_key(&(file.path.clone(), file.blob)))
            .cloned()
            .collect();
        let parsed = wanted.len();
        for batch in wanted.chunks(BATCH) {
            let bytes = repo
                .blobs(batch.iter().map(|file| file.blob).collect(), MAX_FILE_BYTES)
                .await?;
            let (batch_len, batch) = (batch.len(), batch.to_vec());
            let read = tokio::task::spawn_blocking(move || read_all(batch, bytes)).await;
            self.readings.extend(read.unwrap_or_default());
            self.metrics.files_parsed(batch_len);
        }
        Ok(parsed)
    }
}

/// Files held in memory at once: 256 of at most 4 MiB, in practice of a few kilobytes each.
const BATCH: usize = 256;

fn read_all(files: Vec<TreeFile>, contents: Vec<Option<Vec<u8>>>) -> Vec<((RepoPath, BlobId), Arc<Reading>)> {
    files
        .into_iter()
        .zip(contents)
        .map(|(file, content)| {
            let reading = match content {
                Some(bytes) => {
                    let path = file.path.clone();
                    std::panic::catch_unwind(move || manifest::read(&path, &bytes)).unwrap_or_else(|_| {
                        unread(&file.path, "it made the reader fail; please report the file as a bug")
                    })
                }
                None => unread(&file.path, "it is larger than 4 MiB; split it"),
            };
            ((file.path, file.blob), Arc::new(reading))
        })
        .collect()
}

fn unread(path: &RepoPath, why: &str) -> Reading {
    let finding = Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity: Severity::Error,
        message: format!("not read: {why}"),
    };
    Reading {
        documents: Vec::new(),
        findings: vec![finding],
    }
}
