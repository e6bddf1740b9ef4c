//! How far a commit has come, and what other loops learn of its workloads.

use super::fake::{Fake, commit, maps, pass};
use crate::model::{ObjectId, TargetId};
use crate::port::{ObjectHealth, ObjectHealths, TargetState};
use crate::resource::{CommitHealth, FaultKind, Health, Packed, PodFault};
use crate::sync::{SyncReport, Syncer};
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn web() -> ObjectId {
    ObjectId::new("apps/v1", "Deployment", Some("shop"), "web")
}

/// A commit with a Deployment of this image, and a ConfigMap.
fn deployment(number: u8, image: &str) -> TargetState {
    let mut state = commit(number, &maps(&["settings", "web"]));
    let object = Arc::make_mut(&mut state.objects[1]);
    object.id = web();
    object.api_version = "apps/v1".into();
    object.value = Packed::of(
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "progressDeadlineSeconds": 120,
            "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}),
    );
    state
}

struct Scene {
    fake: Arc<Fake>,
    syncer: Syncer<Fake, Fake>,
    healths: ObjectHealths,
}

impl Scene {
    fn new() -> Self {
        let fake = Fake::new();
        fake.world().has_generations = true;
        let healths = ObjectHealths::default();
        Self {
            syncer: fake.syncer().publishing(healths.clone()),
            fake,
            healths,
        }
    }

    async fn pass(&mut self, state: &TargetState) -> SyncReport {
        pass(&mut self.syncer, state).await
    }

    /// The watch shows the Deployment with this health.
    fn show(&self, health: Health) {
        self.fake.set_health("web", health);
        self.fake.deliver();
    }

    fn known(&self) -> Option<ObjectHealth> {
        self.healths.object(&TargetId::here(), &web())
    }

    fn state(&self) -> Option<CommitHealth> {
        self.healths.commit(&TargetId::here()).map(|(_, state, _)| state)
    }
}

fn progressing() -> Health {
    Health::Progressing("0 of 1 replicas available".into())
}

fn crash() -> PodFault {
    PodFault {
        kind: FaultKind::CrashLoop,
        pod: "web-1".into(),
        container: Some(("web".into(), "web:2".into())),
        restarts: 4,
        message: "it crashes again and again (exit code 1), started 5 times".into(),
        is_former: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_applied_until_the_watch_shows_that_everything_is_ready() {
    let mut scene = Scene::new();
    assert_eq!((scene.known(), scene.state()), (None, None), "unknown is not healthy");
    let first = deployment(1, "web:1");
    let report = scene.pass(&first).await;
    assert_eq!(
        report.health,
        Some(CommitHealth::Applied),
        "the watch has not shown the Deployment"
    );
    assert!(report.next_try.is_some_and(|next| next <= Duration::from_secs(1)));
    scene.show(progressing());
    assert_eq!(scene.pass(&first).await.health, Some(CommitHealth::Applied));
    assert_eq!(scene.known().unwrap().ready_since(), None);
    scene.show(Health::Ready);
    let report = scene.pass(&first).await;
    assert_eq!(
        (report.health, scene.state()),
        (Some(CommitHealth::Healthy), Some(CommitHealth::Healthy))
    );
    let known = scene.known().unwrap();
    assert_eq!((known.commit, known.image("web")), (first.commit, Some("web:1")));
    assert!(known.ready_since().is_some());
    let record = scene.fake.world().record.clone().unwrap();
    assert_eq!(record.health, Some(CommitHealth::Healthy));
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_workloads_is_healthy_at_once() {
    let mut scene = Scene::new();
    let report = scene.pass(&commit(1, &maps(&["a", "b"]))).await;
    assert_eq!(report.health, Some(CommitHealth::Healthy));
}

#[tokio::test(start_paused = true)]
async fn the_health_of_an_image_is_never_that_of_the_image_before() {
    let mut scene = Scene::new();
    let (first, second) = (deployment(1, "web:1"), deployment(2, "web:2"));
    scene.pass(&first).await;
    scene.show(Health::Ready);
    scene.pass(&first).await;
    let before = scene.known().unwrap();
    // The watch still shows the old generation as ready.
    let report = scene.pass(&second).await;
    assert_eq!(report.health, Some(CommitHealth::Applied));
    let known = scene.known().unwrap();
    assert_eq!((known.image("web"), known.ready_since()), (Some("web:2"), None));
    // It is ready, and its conditions do not say since when.
    scene.show(Health::Ready);
    scene.pass(&second).await;
    let known = scene.known().unwrap();
    assert!(known.ready_since().unwrap() >= before.ready_since().unwrap());
    assert_eq!(known.commit, second.commit);
}

#[tokio::test(start_paused = true)]
async fn a_new_process_takes_the_time_from_the_object_itself() {
    let mut scene = Scene::new();
    let state = deployment(1, "web:1");
    scene.pass(&state).await;
    let since: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    scene
        .fake
        .change("web", |live| (live.health, live.since) = (Health::Ready, Some(since)));
    scene.fake.deliver();
    let healths = ObjectHealths::default();
    let mut next = scene.fake.syncer().publishing(healths.clone());
    pass(&mut next, &state).await;
    let known = healths.object(&TargetId::here(), &web()).unwrap();
    assert_eq!(known.ready_since(), Some(since));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_exceeds_its_deadline_degrades_the_commit_and_a_later_success_heals_it() {
    let mut scene = Scene::new();
    let state = deployment(1, "web:1");
    scene.pass(&state).await;
    scene.show(progressing());
    scene.pass(&state).await;
    tokio::time::advance(Duration::from_secs(121)).await;
    let report = scene.pass(&state).await;
    assert_eq!(report.health, Some(CommitHealth::Degraded));
    assert!(report.is_in_sync(), "everything is applied");
    assert!(matches!(scene.known().unwrap().health, Health::Failed(_)));
    scene.show(Health::Ready);
    assert_eq!(scene.pass(&state).await.health, Some(CommitHealth::Healthy));
    assert!(scene.known().unwrap().ready_since().is_some());
}

#[tokio::test(start_paused = true)]
async fn pods_are_looked_at_only_when_a_workload_stays_unready_and_ever_more_slowly() {
    let mut scene = Scene::new();
    let state = deployment(1, "web:1");
    scene.pass(&state).await;
    scene.show(progressing());
    let report = scene.pass(&state).await;
    assert_eq!(scene.fake.world().pod_looks, 0, "most rollouts are over within seconds");
    assert!(report.next_try.is_some_and(|next| next <= Duration::from_secs(5)));
    scene.fake.world().pod_faults = vec![crash()];
    tokio::time::advance(Duration::from_secs(5)).await;
    let report = scene.pass(&state).await;
    assert_eq!(scene.fake.world().pod_looks, 1);
    let (_, health) = &report.unready[0];
    let message = health.to_string();
    assert!(
        message.contains("0 of 1 replicas available; pod web-1: container web: it crashes"),
        "{message}"
    );
    assert_eq!(scene.known().unwrap().pods, [crash()]);
    for _ in 0..20 {
        scene.pass(&state).await;
    }
    assert_eq!(scene.fake.world().pod_looks, 1, "a pass alone is no reason to look");
    let (mut looks, mut passes) = (Vec::new(), 0);
    let mut next = scene.pass(&state).await.next_try.unwrap();
    for _ in 0..6 {
        let before = tokio::time::Instant::now();
        let looked = scene.fake.world().pod_looks;
        while scene.fake.world().pod_looks == looked {
            tokio::time::advance(next).await;
            next = scene.pass(&state).await.next_try.unwrap();
            passes += 1;
        }
        looks.push(before.elapsed());
    }
    assert!(
        looks.is_sorted() && looks.last() == Some(&Duration::from_secs(300)),
        "{looks:?}"
    );
    assert!(passes < 12, "{passes} passes for six looks");
}

#[tokio::test(start_paused = true)]
async fn a_crash_that_stays_degrades_the_commit_before_the_deadline_and_names_the_pod() {
    let mut scene = Scene::new();
    let state = deployment(1, "web:1");
    scene.pass(&state).await;
    scene.show(progressing());
    scene.fake.world().pod_faults = vec![crash()];
    let mut passed = Duration::ZERO;
    let report = loop {
        let report = scene.pass(&state).await;
        if report.health == Some(CommitHealth::Degraded) {
            break report;
        }
        let next = report.next_try.unwrap();
        assert!(
            passed < Duration::from_secs(110),
            "the deadline of the manifest is 120 s"
        );
        passed += next;
        tokio::time::advance(next).await;
    };
    let problems = report.problems().join("\n");
    assert!(
        problems.contains("Deployment shop/web: it does not become ready: pod web-1"),
        "{problems}"
    );
    // A new generation starts anew.
    scene.fake.world().pod_faults.clear();
    let mended = deployment(2, "web:2");
    scene.pass(&mended).await;
    scene.show(progressing());
    assert_eq!(scene.pass(&mended).await.health, Some(CommitHealth::Applied));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_declared_has_no_health() {
    let mut scene = Scene::new();
    scene.pass(&deployment(1, "web:1")).await;
    scene.show(Health::Ready);
    scene.pass(&deployment(1, "web:1")).await;
    assert!(scene.known().is_some());
    scene.pass(&commit(2, &maps(&["settings"]))).await;
    assert_eq!(scene.known(), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_manifest_is_not_judged_by_what_the_watch_shows_of_the_one_before() {
    let mut scene = Scene::new();
    let first = deployment(1, "web:1");
    scene.pass(&first).await;
    scene.show(progressing());
    scene.pass(&first).await;
    tokio::time::advance(Duration::from_secs(100)).await;
    scene.pass(&first).await;
    // The next manifest gives its rollout less time than the rollout before has had, and the watch is late.
    let mut second = deployment(2, "web:2");
    let object = Arc::make_mut(&mut second.objects[1]);
    let mut value = object.value.value();
    value["spec"]["progressDeadlineSeconds"] = json!(5);
    object.value = Packed::of(&value);
    let report = scene.pass(&second).await;
    assert!(report.unsettled.is_empty(), "{:?}", report.unsettled);
    assert!(report.unready.is_empty(), "{:?}", report.unready);
    assert_eq!(report.health, Some(CommitHealth::Applied));
    scene.fake.deliver();
    scene.pass(&second).await;
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.pass(&second).await.health, Some(CommitHealth::Degraded));
}
