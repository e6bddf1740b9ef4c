//! The loops of two targets over one branch: each has its own completeness, record, health condition and metrics.

use super::fake::{Fake, commit, maps};
use crate::driver::{Health, Outcome, Pass};
use crate::model::{BlobId, CommitId, RepoPath, TargetId};
use crate::notice::{MetricSink, Reporter};
use crate::port::{
    Branch, ConfigRepo, DeclaredImages, DeclaredSource, DeclaredState, HistoryCommit, NewCommit, PushOutcome,
    RepoFailure, TargetState, TreeListing,
};
use crate::sync::{PassReporter, SyncEnd, SyncLoop, SyncReport};
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// A branch of numbered commits, each the child of the one before.
#[derive(Default)]
struct Repo(AtomicU8);

impl ConfigRepo for Repo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(CommitId::from_bytes([self.0.load(Ordering::SeqCst); 20]))
    }

    async fn files(&self, _: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        Ok(TreeListing::default())
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Ok(vec![None; ids.len()])
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        Ok(Vec::new())
    }

    async fn is_ancestor(&self, ancestor: CommitId, commit: CommitId) -> Result<bool, RepoFailure> {
        Ok(ancestor <= commit)
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        unreachable!("sync never pushes")
    }
}

/// What the commits declare.
#[derive(Default)]
struct Declared(Mutex<BTreeMap<CommitId, Arc<DeclaredState>>>);

impl DeclaredSource for Declared {
    fn published(&self) -> watch::Receiver<Option<Arc<DeclaredState>>> {
        watch::channel(None).1
    }

    fn at(&self, commit: CommitId) -> BoxFuture<'_, Result<Arc<DeclaredState>, RepoFailure>> {
        let state = Arc::clone(&self.0.lock().unwrap()[&commit]);
        async move { Ok(state) }.boxed()
    }
}

/// The paths `a` and `b` of a config repo, each applied to a target of its own.
struct Scene {
    repo: Arc<Repo>,
    branch: Branch,
    declared: Arc<Declared>,
    health: Health,
    metrics: Metrics,
    reporter: Reporter,
}

impl Scene {
    fn new() -> Self {
        let metrics = Metrics::new();
        Self {
            repo: Arc::default(),
            branch: Branch::default(),
            declared: Arc::default(),
            health: Health::default(),
            reporter: Reporter::new(vec![Box::new(MetricSink::new(metrics.clone()))]),
            metrics,
        }
    }

    fn sync_loop(&self, fake: &Arc<Fake>) -> SyncLoop<Repo, Fake, Fake> {
        let syncer = fake.syncer();
        let id = syncer.target().clone();
        let condition = self.health.condition(format!("sync/{id}"), "no pass has ended yet");
        SyncLoop {
            repo: Arc::clone(&self.repo),
            declared: self.declared.clone(),
            branch: self.branch.clone(),
            syncer,
            confirmed: None,
            reporter: PassReporter::new(id, condition, self.reporter.clone(), self.metrics.clone()),
        }
    }

    /// The next commit declares these objects in each path. `a_is_complete`: every file of path `a` can be read.
    async fn push(&self, names: &[&'static str], a_is_complete: bool) {
        let number = self.repo.0.fetch_add(1, Ordering::SeqCst) + 1;
        let of = |target: &str, complete| {
            let state = TargetState {
                target: TargetId::new(target),
                complete,
                ..commit(number, &maps(names))
            };
            (TargetId::new(target), Arc::new(state))
        };
        let id = CommitId::from_bytes([number; 20]);
        let state = DeclaredState {
            commit: id,
            targets: BTreeMap::from([of("a", a_is_complete), of("b", true)]),
            images: DeclaredImages::default(),
            blobs: BTreeMap::new(),
            variables: None,
            findings: Vec::new(),
        };
        self.declared.0.lock().unwrap().insert(id, Arc::new(state));
        self.branch.fetch(&*self.repo).await.unwrap();
    }
}

async fn ran(sync: &mut SyncLoop<Repo, Fake, Fake>) -> Arc<SyncReport> {
    match sync.pass().await {
        Outcome::Done(SyncEnd::Ran(report))
        | Outcome::Retry(SyncEnd::Ran(report))
        | Outcome::Again(SyncEnd::Ran(report), _) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_one_target_does_not_touch_the_other() {
    let scene = Scene::new();
    let (a, b) = (Fake::named("a"), Fake::named("b"));
    let (mut sync_a, mut sync_b) = (scene.sync_loop(&a), scene.sync_loop(&b));
    assert_eq!(scene.health.not_ready().len(), 2);

    scene.push(&["one", "two", "three", "four", "five"], true).await;
    for (fake, sync) in [(&a, &mut sync_a), (&b, &mut sync_b)] {
        let report = ran(sync).await;
        assert!(report.is_in_sync(), "{report:?}");
        fake.deliver();
    }
    assert!(scene.health.not_ready().is_empty());

    scene.push(&["one", "two", "three", "four"], false).await;
    let (in_a, in_b) = (ran(&mut sync_a).await, ran(&mut sync_b).await);
    assert!(in_a.prune_blocked.is_some() && in_a.pruned.is_empty(), "{in_a:?}");
    assert!(in_a.is_partial() && !in_b.is_partial());
    assert_eq!(in_b.pruned.len(), 1, "{in_b:?}");
    b.deliver();

    a.world().answers_left = Some(0);
    scene.push(&["one", "two", "three", "four", "six"], true).await;
    let (in_a, in_b) = (ran(&mut sync_a).await, ran(&mut sync_b).await);
    assert_eq!(in_a.outage.as_deref(), Some("away"));
    assert!(!in_a.is_partial(), "a pass that was cut short has failed");
    assert!(in_b.is_in_sync(), "{in_b:?}");
    assert_eq!(scene.health.not_ready(), [("sync/a".into(), "away".into())].into());

    let last = CommitId::from_bytes([3; 20]);
    assert_eq!(sync_b.syncer.last_applied().await.unwrap(), Some(last));
    assert_ne!(sync_a.syncer.last_applied().await.unwrap(), Some(last));
    let text = scene.metrics.render();
    let pruned = |target| format!(r#"tidegate_objects_pruned_total{{target="{target}"}}"#);
    assert!(text.contains(&format!("{} 0\n", pruned("a"))), "{text}");
    assert!(text.contains(&format!("{} 1\n", pruned("b"))), "{text}");
}
