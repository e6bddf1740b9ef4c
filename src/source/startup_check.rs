//! A report after the first fetch: whether the branch looks like the repository that the configuration means.

use crate::driver::Shutdown;
use crate::model::{CommitId, RepoPath};
use crate::notice::{RepoEvent, Reporter};
use crate::port::{Branch, ConfigRepo, DeclaredSource, RecordStore, TreeListing};
use std::collections::BTreeSet;
use std::sync::Arc;

/// As many names as a person reads to see which repository it is.
const SHOWN_NAMES: usize = 8;

/// Checks once, after the first fetch, that the repository declares objects where it is read, and that the branch contains
/// the commit that was applied last.
pub struct StartupCheck<G, R> {
    /// The config repo.
    pub repo: Arc<G>,
    /// What commits declare.
    pub declared: Arc<dyn DeclaredSource>,
    /// The followed branch.
    pub branch: Branch,
    /// Knows the commit that was applied last; `None` if nothing is applied.
    pub record: Option<Arc<R>>,
    /// The repository's address, for people.
    pub address: String,
    /// The paths that are read; all, if empty.
    pub paths: Vec<RepoPath>,
    /// Where the findings go.
    pub reporter: Reporter,
}

impl<G: ConfigRepo, R: RecordStore> StartupCheck<G, R> {
    /// Checks, and then waits for the drain.
    pub async fn run(self, shutdown: Shutdown) {
        tokio::select! {
            () = self.check() => shutdown.begun().await,
            () = shutdown.begun() => {}
        }
    }

    async fn check(&self) {
        let last = self.last_applied().await;
        let commit = self.branch.first_head().await;
        // The loops report why a commit cannot be read.
        let Ok(declared) = self.declared.at(commit).await else {
            return;
        };
        let (objects, files) = (declared.objects(), declared.blobs.len());
        let layout = self.layout(commit).await;
        if let Some(message) = doubt(objects == 0, &layout.missing) {
            self.reporter.happened(RepoEvent::Doubtful {
                repo: self.address.clone(),
                commit,
                files,
                missing: layout.missing,
                existing: layout.existing,
                message,
            });
        }
        let is_ancestor = match last {
            Some(last) => self.repo.is_ancestor(last, commit).await.ok(),
            None => None,
        };
        let repo = self.address.clone();
        self.reporter.happened(match (is_ancestor, last) {
            (Some(false), Some(last)) => RepoEvent::HistoryReplaced {
                repo,
                commit,
                objects,
                last,
            },
            (known, _) => RepoEvent::Recognised {
                repo,
                commit,
                objects,
                files,
                is_known: known.is_some(),
            },
        });
    }

    async fn last_applied(&self) -> Option<CommitId> {
        self.record.as_ref()?.read().await.ok().flatten()?.commit
    }

    async fn listing(&self, commit: CommitId, path: &RepoPath) -> TreeListing {
        let listed = self.repo.files(commit, vec![path.clone()]).await;
        listed.unwrap_or_default()
    }

    async fn layout(&self, commit: CommitId) -> Layout {
        let files = self.repo.files(commit, Vec::new()).await.unwrap_or_default().files;
        let mut missing = Vec::new();
        for path in &self.paths {
            // The listing of everything may have stopped before the folder.
            let is_there = files.iter().any(|file| file.path.is_within(path));
            if !is_there && self.listing(commit, path).await.files.is_empty() {
                missing.push(path.as_str());
            }
        }
        let names: BTreeSet<&str> = files
            .iter()
            .filter_map(|file| file.path.as_str().split('/').next())
            .collect();
        let more = if names.len() > SHOWN_NAMES { ", …" } else { "" };
        let names: Vec<&str> = names.into_iter().take(SHOWN_NAMES).collect();
        Layout {
            missing: missing.join(", "),
            existing: match &*names {
                [] => "no file".to_owned(),
                names => format!("{}{more}", names.join(", ")),
            },
        }
    }
}

/// What the repository has besides the files that are read.
struct Layout {
    /// The entries of `repo.paths` that have no file below them.
    missing: String,
    /// The names at the repository's top.
    existing: String,
}

fn doubt(is_empty: bool, missing: &str) -> Option<String> {
    match (is_empty, missing.is_empty()) {
        (true, true) => Some(
            "the repository declares no Kubernetes object where it is read; are repo.url, repo.branch and repo.paths \
             right?"
                .to_owned(),
        ),
        (true, false) => Some(format!(
            "the repository declares no Kubernetes object where it is read, and of repo.paths it does not have {missing}; \
             are repo.url, repo.branch and repo.paths right?"
        )),
        (false, false) => Some(format!(
            "of repo.paths the repository does not have {missing}; correct repo.paths, or push what is missing"
        )),
        (false, true) => None,
    }
}
