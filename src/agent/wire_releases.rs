//! The loop that carries out HelmReleases, and the tasks that wake it.

use super::wiring::Wiring;
use crate::cluster::ApiServer;
use crate::config::TargetSettings;
use crate::driver::{Loop, LoopStatus, Shutdown, Tasks, Wake};
use crate::helm::Helm;
use crate::model::{CommitId, ConfigBranch, Remote, Wildcard, with_causes};
use crate::port::{Registry, ReleaseCluster as _, TargetApi as _};
use crate::releases::{Parts, ReleaseLoop, ReleaseReport, SyncPoint, TagsOf};
use crate::resource::GroupKind;
use crate::status::{ReleasesStatus, Snapshot, UnreadyObject};
use crate::sync::SyncEnd;
use std::sync::Arc;
use tokio::sync::watch;

/// The folder below the state folder in which helm's runs have theirs.
const FOLDER: &str = "releases";

/// Spawns the loop for a target, unless the settings switch it off. `api` is the target's.
pub(super) async fn spawn(
    wiring: &Wiring,
    this: Loop<ReleaseReport>,
    target: &TargetSettings,
    api: Arc<ApiServer>,
    tasks: &mut Tasks,
) {
    let settings = &wiring.config.settings;
    let sync = wiring.wakes.sync.loops().find(|(id, _)| *id == target.id);
    let Some((_, sync)) = sync.filter(|_| settings.releases.enabled) else {
        return;
    };
    let cluster = Arc::new(wiring.home.releases(target));
    let wake = Wake::from(&wiring.wakes.releases);
    let waking = wake_on_change(cluster.changes(), sync.status(), wake.clone(), wiring.shutdown.clone());
    tasks.spawn("changes of releases", waking);
    let kind = GroupKind::new("helm.fluxcd.io", "HelmRelease");
    let work = ReleaseLoop::new(Parts {
        target: target.id.clone(),
        cluster,
        helm: find(wiring).await.map(Arc::new),
        repo: Arc::clone(&wiring.repo),
        declared: Arc::clone(&wiring.declared),
        own: Some(ConfigBranch {
            remote: Remote::parse(&settings.repo.url.to_string()),
            branch: settings.repo.branch.clone(),
        }),
        applied: applied(sync.status()),
        is_needed: Arc::new(move || api.observed().read(|observed| observed.kinds.contains_key(&kind))),
        tags: tags(Arc::clone(&wiring.registry)),
        chart_interval: settings.releases.chart_interval,
        reporter: wiring.reporter.clone(),
        wake,
    });
    wiring.spawn_loop(this, work, tasks);
}

/// Lists tags by the clients of the registries.
fn tags(registry: Arc<impl Registry>) -> TagsOf {
    Arc::new(move |repository| {
        let registry = Arc::clone(&registry);
        Box::pin(async move {
            let listing = registry
                .list(&repository)
                .await
                .map_err(|failure| failure.to_string())?;
            // A + of a version is written as _ in a tag.
            Ok(listing
                .images
                .iter()
                .map(|image| image.tag.to_string().replace('_', "+"))
                .collect())
        })
    })
}

/// Looks for helm. What an earlier process left in the folder of helm's runs goes.
async fn find(wiring: &Wiring) -> Result<Helm, String> {
    let settings = &wiring.config.settings;
    let folder = settings.state_dir.join(FOLDER);
    let _ = tokio::fs::remove_dir_all(&folder).await;
    let kubeconfig = wiring.config.environment.kubeconfig.clone();
    let plain = settings.registries.iter().filter(|registry| registry.plain_http);
    let plain_http = plain.map(|registry| Wildcard::new(&registry.host)).collect();
    match Helm::find(&settings.releases.program, kubeconfig, folder, plain_http).await {
        Ok(helm) => {
            tracing::info!(path = %helm.path().display(), version = helm.version(), "helm found");
            Ok(helm)
        }
        Err(error) => {
            let reason = with_causes(&error);
            tracing::info!(reason, "no helm: HelmReleases would not be carried out");
            Err(reason)
        }
    }
}

/// The commit that the cluster is at, while no sync pass runs.
fn applied(status: watch::Receiver<LoopStatus<SyncEnd>>) -> SyncPoint {
    Arc::new(move || -> Option<CommitId> {
        let status = status.borrow();
        let last = status.last.as_ref().filter(|_| !status.running)?;
        match &last.report {
            SyncEnd::Ran(report) => Some(report.commit),
            SyncEnd::Failed(_) => None,
        }
    })
}

/// Wakes the loop when the cluster shows a change, and when a sync pass has ended.
async fn wake_on_change(
    mut changes: watch::Receiver<u64>,
    mut sync: watch::Receiver<LoopStatus<SyncEnd>>,
    wake: Wake,
    shutdown: Shutdown,
) {
    let mut passes = 0;
    loop {
        let has_changed = tokio::select! {
            biased;
            () = shutdown.begun() => return,
            changed = changes.changed() => changed.map(|()| true),
            changed = sync.changed() => changed.map(|()| {
                let ended = sync.borrow_and_update().passes;
                ended != std::mem::replace(&mut passes, ended)
            }),
        };
        match has_changed {
            Ok(true) => wake.wake(),
            Ok(false) => {}
            Err(_) => return,
        }
    }
}

/// What the loop adds to the status.
pub(super) fn status(report: &ReleaseReport, snapshot: &mut Snapshot) {
    let failing = report.failing.iter().map(|(object, message)| UnreadyObject {
        object: object.clone(),
        message: message.clone(),
    });
    snapshot.releases = ReleasesStatus {
        count: report.releases,
        off: report.off.clone(),
        failing: failing.collect(),
    };
}
