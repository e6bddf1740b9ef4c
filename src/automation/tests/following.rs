use super::scene::{Scene, WEB, web};
use crate::model::{ObjectId, TargetId};
use crate::plan::Outcome as Decided;
use crate::port::ObjectHealth;
use crate::resource::{DesiredHash, Health, LastReady, container_images};
use jiff::Timestamp;
use serde_json::json;

const STAGING: &str = "staging/web.yaml";

/// The Deployment in staging, which nobody automates.
fn staging(tag: &str) -> String {
    web(tag, "")
        .replace("    tidegate.dev/automated: \"true\"\n", "    acme.example/a: b\n")
        .replace("namespace: shop", "namespace: staging")
}

fn follows(reference: &str) -> String {
    format!("    tidegate.dev/policy.web: \"follow:{reference} after 1h\"\n")
}

async fn scene(reference: &str) -> Scene {
    let scene = Scene::with(&web("1.0.0", &follows(reference)), None).await;
    scene
        .repo
        .person_commits("Add staging", &[(STAGING, &staging("1.1.0"))]);
    scene.fetch().await;
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    scene
}

/// The sync loop sees the workload in staging.
fn seen(scene: &Scene, tag: &str, health: Health, ready_since: Timestamp) {
    let id = ObjectId::new("apps/v1", "Deployment", Some("staging"), "web");
    let manifest = DesiredHash::of(&json!(tag));
    let image = format!("registry.example/shop/web:{tag}");
    let images =
        container_images(&json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}));
    let ready = LastReady::after(None, (manifest, &images), &Health::Ready, ready_since, None);
    let last_ready = LastReady::after(ready, (manifest, &images), &health, ready_since, None);
    scene.healths.change(&TargetId::here(), |known| {
        let health = ObjectHealth {
            commit: scene.head(),
            manifest,
            images,
            health,
            since: ready_since,
            last_ready,
            pods: Vec::new(),
        };
        known.objects.insert(id, health);
        true
    });
}

#[tokio::test]
async fn a_follower_takes_the_tag_that_is_healthy_elsewhere_and_no_other() {
    let mut scene = scene("staging/web.yaml#Deployment/web/web").await;
    scene.pass().await;
    let (outcome, reason) = scene.decision();
    assert_eq!(outcome, Decided::Waiting, "{reason}");
    assert!(reason.contains("is not known to be healthy"), "{reason}");
    assert_eq!(scene.healths.is_history_used(), Some(true));

    seen(&scene, "1.1.0", Health::Ready, Timestamp::now());
    scene.pass().await;
    let (outcome, reason) = scene.decision();
    assert!(outcome == Decided::Waiting && reason.contains(", until "), "{reason}");

    let long_ago = Timestamp::from_second(1_750_000_000).unwrap();
    seen(&scene, "1.1.0", Health::Failed("it crashes".to_owned()), long_ago);
    scene.pass().await;
    assert!(
        scene.decision().1.contains("fails: it crashes"),
        "{}",
        scene.decision().1
    );
    assert_eq!(scene.repo.pushes(), 0);

    seen(&scene, "1.1.0", Health::Ready, long_ago);
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    scene.pass().await;
    let expected = web("1.1.0", &follows("staging/web.yaml#Deployment/web/web"));
    assert_eq!(scene.repo.file(WEB), expected, "{:?}", scene.decision());
    scene.fetch().await;
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    scene
        .repo
        .person_commits("Roll staging back", &[(STAGING, &staging("1.0.0"))]);
    scene.fetch().await;
    seen(&scene, "1.0.0", Health::Ready, long_ago);
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), expected, "never to an older image");
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_or_in_a_circle_is_one_error_with_its_place() {
    let itself = format!("{WEB}#Deployment/web/web");
    for (reference, problem) in [
        (
            "staging/web.yaml#Deployment/web/other",
            "staging/web.yaml has no image field Deployment/web/other",
        ),
        (
            "staging/gone.yaml#Deployment/web/web",
            "no image is read in staging/gone.yaml",
        ),
        (&*itself, "the fields follow each other in a circle"),
    ] {
        let mut scene = scene(reference).await;
        scene.pass().await;
        let (outcome, reason) = scene.decision();
        assert_eq!(outcome, Decided::InvalidPolicy, "{reason}");
        assert!(
            reason.starts_with("web.yaml:8:") && reason.contains(problem),
            "{reason}"
        );
        assert_eq!(scene.repo.pushes(), 0);
    }
}

#[tokio::test]
async fn the_lock_and_the_hold_of_a_follower_count() {
    let reference = "staging/web.yaml#Deployment/web/web";
    let long_ago = Timestamp::from_second(1_750_000_000).unwrap();
    let mut scene = scene(reference).await;
    seen(&scene, "1.1.0", Health::Ready, long_ago);
    scene.pass().await;
    scene
        .repo
        .person_commits("Revert", &[(WEB, &web("1.0.0", &follows(reference)))]);
    scene.fetch().await;
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    scene.pass().await;
    assert_eq!(scene.decision().0, Decided::Held, "{:?}", scene.decision());
    let locked = web(
        "1.0.0",
        &format!("{}    tidegate.dev/locked: \"true\"\n", follows(reference)),
    );
    scene.repo.person_commits("Lock", &[(WEB, &locked)]);
    scene.fetch().await;
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    scene.pass().await;
    assert_eq!(scene.decision().0, Decided::Locked);
}
