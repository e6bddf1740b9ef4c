//! The charts in the config repo.

use crate::model::{CommitId, RepoPath};
use crate::port::{ChartFile, ConfigRepo, TreeFile};
use crate::release::{ChartDigest, below};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most files of a chart, and the most bytes of all of them together. Helm refuses a chart that it cannot store in 1 MiB.
const MOST_FILES: usize = 2_000;
const MOST_BYTES: usize = 16 << 20;
/// The name of the file that makes a folder a chart.
const CHART: &str = "Chart.yaml";

/// The files of a chart at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChartTree {
    pub(super) digest: ChartDigest,
    folder: RepoPath,
    files: Vec<TreeFile>,
}

/// The charts that were looked at, by folder. A commit that does not touch a chart costs nothing.
#[derive(Default)]
pub(super) struct Charts {
    commit: Option<CommitId>,
    found: BTreeMap<RepoPath, Result<Arc<ChartTree>, String>>,
}

impl Charts {
    /// Turns to another commit. Forgets the charts that the commit touches.
    pub(super) async fn turn_to(&mut self, repo: &impl ConfigRepo, commit: CommitId) {
        let before = self.commit.replace(commit);
        let Some(before) = before.filter(|before| *before != commit) else {
            return;
        };
        match repo.changes(before, commit).await {
            Ok(Some(changes)) => self
                .found
                .retain(|folder, _| !changes.iter().any(|change| change.path.is_within(folder))),
            _ => self.found.clear(),
        }
    }

    /// The chart in a folder, or why it cannot be read.
    pub(super) async fn get(&mut self, repo: &impl ConfigRepo, folder: &RepoPath) -> Result<Arc<ChartTree>, String> {
        if let Some(found) = self.found.get(folder) {
            return found.clone();
        }
        let Some(commit) = self.commit else {
            return Err("no commit is applied yet".to_owned());
        };
        let listing = match repo.files(commit, vec![folder.clone()]).await {
            Ok(listing) => listing,
            // The next pass asks again.
            Err(failure) => return Err(failure.message),
        };
        let tree = match listing.unread.first() {
            Some(entry) => Err(format!(
                "the chart in folder {folder} has {}, which is no regular file and is not read; replace it by a file",
                entry.path
            )),
            None => check(folder, listing.files),
        };
        self.found.insert(folder.clone(), tree.clone());
        tree
    }
}

fn check(folder: &RepoPath, files: Vec<TreeFile>) -> Result<Arc<ChartTree>, String> {
    let is_chart = files.iter().any(|file| below(&file.path, folder) == CHART);
    if !is_chart {
        return Err(format!(
            "folder {folder} of the config repo has no {CHART}; correct spec.chart.path"
        ));
    }
    if files.len() > MOST_FILES {
        return Err(format!(
            "the chart in folder {folder} has more than {MOST_FILES} files; take some out"
        ));
    }
    let digest = ChartDigest::of(files.iter().map(|file| (below(&file.path, folder), &file.blob)));
    Ok(Arc::new(ChartTree {
        digest,
        folder: folder.clone(),
        files,
    }))
}

impl ChartTree {
    /// Whether the chart has a file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| below(&file.path, &self.folder) == path)
    }

    /// Reads all files from the object database.
    pub(super) async fn read(&self, repo: &impl ConfigRepo) -> Result<Vec<ChartFile>, String> {
        let ids = self.files.iter().map(|file| file.blob).collect();
        let blobs = repo.blobs(ids, MOST_BYTES).await.map_err(|failure| failure.message)?;
        let mut total = 0;
        let mut files = Vec::new();
        for (file, bytes) in self.files.iter().zip(blobs) {
            let bytes = bytes.ok_or_else(|| format!("{} is larger than {MOST_BYTES} bytes", file.path))?;
            total += bytes.len();
            if total > MOST_BYTES {
                return Err(format!(
                    "the chart in folder {} has more than {MOST_BYTES} bytes; take files out",
                    self.folder
                ));
            }
            files.push(ChartFile {
                path: below(&file.path, &self.folder).to_owned(),
                bytes: Arc::new(bytes),
            });
        }
        Ok(files)
    }
}
