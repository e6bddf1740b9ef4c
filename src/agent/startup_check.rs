use super::AgentConfig;
use super::access_check::announce;
use crate::catalog::Catalog;
use crate::config::RepoSettings;
use crate::driver::Shutdown;
use crate::follow::Tip;
use crate::model::{CommitId, RepoPath};
use crate::port::{ConfigRepo, EventWriter, RecordStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;

/// As many names as one looks at to see what repository it is.
const MOST_NAMES: usize = 8;

/// Tells once, after the first fetch, whether this looks like the right repository: that something is declared in it where
/// we look, and that it goes on from what was applied last.
pub(super) async fn tell<G: ConfigRepo, R: RecordStore, E: EventWriter>(
    repo: Arc<G>,
    catalog: Arc<Mutex<Catalog>>,
    tip: Tip,
    record: Option<Arc<R>>,
    events: Arc<E>,
    checked: Arc<AgentConfig>,
    shutdown: Shutdown,
) {
    let settings = &checked.settings.repo;
    tokio::select! {
        () = look(&*repo, catalog, tip, record, events, settings) => shutdown.begun().await,
        () = shutdown.begun() => {}
    }
}

async fn look<G: ConfigRepo, R: RecordStore, E: EventWriter>(
    repo: &G,
    catalog: Arc<Mutex<Catalog>>,
    tip: Tip,
    record: Option<Arc<R>>,
    events: Arc<E>,
    settings: &RepoSettings,
) {
    let place = &settings.url;
    let last = match &record {
        Some(record) => record.read().await.ok().flatten().and_then(|record| record.commit),
        None => None,
    };
    let first = tip.first().await;
    let declared = catalog.lock().await.read(repo, first).await;
    // What keeps it from being read is told by the loops.
    let Ok(declared) = declared else { return };
    let (objects, files) = (declared.objects(), declared.blobs.len());
    let around = around(repo, first, &settings.paths).await;
    if let Some(message) = doubt(objects == 0, &around) {
        tracing::warn!(repo = %place, commit = %first, files, missing = %around.missing, there = %around.there, "{message}");
        if record.is_some() {
            let message = format!("{place} at {}: {message} (it holds {})", first.short(), around.there);
            announce(&*events, true, "WrongRepository", message).await;
        }
    }
    match continues(repo, last, first).await {
        Some(true) => {
            tracing::info!(repo = %place, commit = %first, objects, files, "the repository goes on from what was applied last");
        }
        Some(false) => {
            let last = last.map(|last| last.to_string());
            tracing::warn!(repo = %place, commit = %first, objects, last, "the branch does not contain the commit that was applied last: this is another repository, or its history was rewritten; it is applied, and nothing is pruned until sync.deletions.confirm names the commit");
        }
        None => {
            tracing::info!(repo = %place, commit = %first, objects, files, "the repository is read for the first time")
        }
    }
}

/// What the repository holds beside what is read of it.
struct Around {
    /// Those of `repo.paths` below which there is no file.
    missing: String,
    /// The names at its top.
    there: String,
}

async fn around(repo: &impl ConfigRepo, commit: CommitId, paths: &[RepoPath]) -> Around {
    let files = repo.files(commit, Vec::new()).await.unwrap_or_default();
    let missing = paths
        .iter()
        .filter(|path| !files.iter().any(|file| file.path.is_within(path)));
    let tops: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.as_str().split('/').next())
        .collect();
    let more = if tops.len() > MOST_NAMES { ", …" } else { "" };
    let tops: Vec<&str> = tops.into_iter().take(MOST_NAMES).collect();
    Around {
        missing: missing.map(RepoPath::as_str).collect::<Vec<_>>().join(", "),
        there: match &*tops {
            [] => "no file".to_owned(),
            tops => format!("{}{more}", tops.join(", ")),
        },
    }
}

fn doubt(is_empty: bool, around: &Around) -> Option<String> {
    let missing = &around.missing;
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

async fn continues(repo: &impl ConfigRepo, last: Option<CommitId>, tip: CommitId) -> Option<bool> {
    match last {
        Some(last) => repo.is_ancestor(last, tip).await.ok(),
        None => None,
    }
}
