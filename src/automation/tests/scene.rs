//! An automation loop on a fake repository, with registry listings that a test sets.

use super::fake_repo::FakeRepo;
use crate::automation::{Automation, AutomationReport, CommitStyle, Dependencies, ProposalBranch};
use crate::driver::{Outcome, Pass, Wake};
use crate::model::{BranchName, CommitId, Digest, HoldUntil, ObjectId, Repository, Tag, TargetId};
use crate::notice::{Event, Notice, Reporter, Sink};
use crate::plan::Outcome as Decided;
use crate::policy::ScanRules;
use crate::port::{
    Branch, DeclaredSource, DeclaredState, DeniedObjects, Listing, ObjectHealths, RepoFailure, Scan, ScanState,
    TaggedImage,
};
use crate::resource::DesiredHash;
use crate::source::{Reader, TargetPaths};
use crate::status::{AutomationStatus, LandedCommits};
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, watch};

pub(super) const WEB: &str = "web.yaml";

/// A Deployment `web` with this image tag and these further annotation lines.
pub(super) fn web(tag: &str, annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\n{annotations}spec:\n  template:\n    spec:\n      containers:\n      - name: web\n        \
         image: registry.example/shop/web:{tag} # the shop's front\n"
    )
}

/// Reads commits when they are asked for, and publishes nothing.
struct DirectSource {
    repo: Arc<FakeRepo>,
    reader: Mutex<Reader>,
}

impl DirectSource {
    fn new(repo: Arc<FakeRepo>) -> Self {
        let reader = Reader::new(vec![TargetPaths::here(Vec::new())], Vec::new(), Metrics::new());
        Self {
            repo,
            reader: Mutex::new(reader),
        }
    }
}

impl DeclaredSource for DirectSource {
    fn published(&self) -> watch::Receiver<Option<Arc<DeclaredState>>> {
        watch::channel(None).1
    }

    fn at(&self, commit: CommitId) -> BoxFuture<'_, Result<Arc<DeclaredState>, RepoFailure>> {
        async move { self.reader.lock().await.read(&*self.repo, commit).await }.boxed()
    }
}

/// A sink that keeps the events that are news.
#[derive(Clone, Default)]
struct News(Arc<std::sync::Mutex<Vec<Event>>>);

impl Sink for News {
    fn receive(&self, Notice { event, phase }: Notice<'_>) {
        if phase.is_news() {
            self.0.lock().unwrap().push(event.clone());
        }
    }
}

/// The loop with everything around it.
pub(super) struct Scene {
    pub(super) repo: Arc<FakeRepo>,
    pub(super) automation: Automation<FakeRepo>,
    pub(super) denied: DeniedObjects,
    pub(super) healths: ObjectHealths,
    pub(super) scan_state: Arc<ScanState>,
    followed: Branch,
    status: watch::Receiver<Arc<AutomationStatus>>,
    scans: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
    landed: LandedCommits,
    news: News,
}

impl Scene {
    /// A repository with one workload at 1.0.0; `branch` is the proposal branch, if people merge.
    pub(super) async fn new(branch: Option<BranchName>) -> Self {
        Self::with(&web("1.0.0", ""), branch).await
    }

    pub(super) async fn with(file: &str, branch: Option<BranchName>) -> Self {
        let repo = Arc::new(FakeRepo::default());
        repo.person_commits("Add the shop", &[(WEB, file)]);
        let (scan_state, followed) = (Arc::new(ScanState::default()), Branch::default());
        let (status, status_seen) = watch::channel(Arc::new(AutomationStatus::default()));
        let (scans, syncs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (denied, healths) = (DeniedObjects::default(), ObjectHealths::default());
        let (landed, news) = (LandedCommits::default(), News::default());
        let counted = |count: &Arc<AtomicUsize>| {
            let count = Arc::clone(count);
            Wake::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            })
        };
        let automation = Automation::new(Dependencies {
            repo: Arc::clone(&repo),
            declared: Arc::new(DirectSource::new(Arc::clone(&repo))),
            scan_state: Arc::clone(&scan_state),
            denied: denied.clone(),
            rules: Arc::new(ScanRules::new(Vec::new())),
            branch: followed.clone(),
            history: Arc::default(),
            style: CommitStyle::default(),
            until: HoldUntil::default(),
            revert_on_failure: false,
            healths: healths.clone(),
            status,
            metrics: Metrics::new(),
            scan: counted(&scans),
            sync: counted(&syncs),
            reporter: Reporter::new(vec![Box::new(landed.clone()), Box::new(news.clone())]),
            jitter: || 0.0,
            proposals: branch.map(|branch| Arc::new(ProposalBranch::new(branch, None))),
        });
        let scene = Self {
            repo,
            automation,
            denied,
            healths,
            scan_state,
            followed,
            status: status_seen,
            scans,
            syncs,
            landed,
            news,
        };
        scene.fetch().await;
        scene
    }

    /// The loop learns of the followed branch's head.
    pub(super) async fn fetch(&self) {
        self.followed.fetch(&*self.repo).await.unwrap();
    }

    /// The registry lists these tags, each pushed an hour after the one before. Times begin after all commits of a test.
    pub(super) fn list(&self, tags: &[&str]) {
        self.list_at("registry.example", tags);
    }

    /// The same for the image `shop/web` of another registry.
    pub(super) fn list_at(&self, host: &str, tags: &[&str]) {
        let repository = Repository {
            host: host.to_owned(),
            path: "shop/web".to_owned(),
        };
        let images = tags.iter().enumerate().map(|(number, tag)| TaggedImage {
            tag: Tag::parse(tag).unwrap(),
            digest: Digest::parse(&format!("sha256:{number:064}")).ok(),
            pushed_at: Timestamp::from_second(1_750_000_000 + 3600 * i64::try_from(number).unwrap()).ok(),
            media_type: None,
            pullable: true,
        });
        let listing = Listing {
            repository: repository.clone(),
            images: images.collect(),
            requests: 1,
        };
        self.scan_state.set_repositories(Arc::new([repository.clone()].into()));
        self.scan_state.record(
            &repository,
            Scan {
                result: Ok(Arc::new(listing)),
            },
        );
    }

    /// Runs one pass. The report, and whether the loop asks to be run again soon because of a problem.
    pub(super) async fn pass(&mut self) -> (AutomationReport, bool) {
        match self.automation.pass().await {
            Outcome::Done(report) | Outcome::Again(report, _) => (report, false),
            Outcome::Retry(report) => (report, true),
        }
    }

    /// The decision about the one field, as published.
    pub(super) fn decision(&self) -> (Decided, String) {
        let status = self.status.borrow();
        let [decision] = &*status.fields else {
            panic!("one field is automated: {status:?}");
        };
        (decision.outcome, decision.reason.clone())
    }

    /// The head.
    pub(super) fn head(&self) -> CommitId {
        self.followed.head().unwrap()
    }

    /// The head, and the one object that it declares, with its hash.
    pub(super) async fn object_at_head(&self) -> (CommitId, serde_json::Value, DesiredHash) {
        let head = self.followed.head().unwrap();
        let declared = self.automation.deps.declared.at(head).await.unwrap();
        let objects = &declared.target(&TargetId::here()).unwrap().objects;
        let value = objects[0].value.value();
        let hash = DesiredHash::of(&value);
        (head, value, hash)
    }

    /// The object of the one automated field.
    pub(super) fn object(&self) -> ObjectId {
        self.status.borrow().fields[0].field.object.clone()
    }

    /// The published problem.
    pub(super) fn problem(&self) -> Option<String> {
        self.status.borrow().problem.clone()
    }

    /// The tags of all bumps that landed, in order.
    pub(super) fn landed(&self) -> Vec<String> {
        let commits = self.landed.since(0);
        let bumps = commits.iter().flat_map(|(_, bumps)| bumps);
        bumps.map(|bump| bump.to.to_string()).collect()
    }

    /// The events that became news since the last call.
    pub(super) fn news(&self) -> Vec<Event> {
        self.news.0.lock().unwrap().drain(..).collect()
    }

    /// How often the scan loop and the sync loop have been woken.
    pub(super) fn wakes(&self) -> (usize, usize) {
        (self.scans.load(Ordering::Relaxed), self.syncs.load(Ordering::Relaxed))
    }
}
