use crate::catalog::Catalog;
use crate::driver::Shutdown;
use crate::follow::Tip;
use crate::model::CommitId;
use crate::port::{Cluster, ConfigRepo};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Tells once, after the first fetch, whether this looks like the right repository: that something is declared in it where
/// we look, and that it goes on from what was applied last.
pub(super) async fn tell<G: ConfigRepo, C: Cluster>(
    repo: Arc<G>,
    catalog: Arc<Mutex<Catalog>>,
    tip: Tip,
    cluster: Option<Arc<C>>,
    place: String,
    shutdown: Shutdown,
) {
    tokio::select! {
        () = look(&*repo, catalog, tip, cluster, place) => shutdown.begun().await,
        () = shutdown.begun() => {}
    }
}

async fn look<G: ConfigRepo, C: Cluster>(
    repo: &G,
    catalog: Arc<Mutex<Catalog>>,
    tip: Tip,
    cluster: Option<Arc<C>>,
    place: String,
) {
    let last = match &cluster {
        Some(cluster) => cluster
            .read_record()
            .await
            .ok()
            .flatten()
            .and_then(|record| record.commit),
        None => None,
    };
    let first = tip.first().await;
    let declared = catalog.lock().await.read(repo, first).await;
    // What keeps it from being read is told by the loops.
    let Ok(declared) = declared else { return };
    let (objects, files) = (declared.objects.len(), declared.blobs.len());
    if declared.objects.is_empty() {
        tracing::warn!(repo = %place, commit = %first, files, "the repository declares no Kubernetes object where it is read; are repo.url, repo.branch and repo.paths right?");
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

async fn continues(repo: &impl ConfigRepo, last: Option<CommitId>, tip: CommitId) -> Option<bool> {
    match last {
        Some(last) => repo.is_ancestor(last, tip).await.ok(),
        None => None,
    }
}
