use super::scene::{Scene, WEB, web};
use crate::model::{ObjectId, TargetId};
use crate::notice::{AutomationEvent, Event};
use crate::plan::Outcome as Decided;
use crate::port::{ObjectHealth, PushOutcome};
use crate::resource::{Health, LastReady, PodFault, container_images};
use jiff::Timestamp;

const ON: &str = "    tidegate.dev/revert-on-failure: \"true\"\n";

/// The sync loop sees the workload of the head with this health. It was ready before with what `ready` declares.
async fn seen(scene: &Scene, ready: Option<LastReady>, health: Health) -> Option<LastReady> {
    let (commit, value, manifest) = scene.object_at_head().await;
    let images = container_images(&value);
    let at = Timestamp::from_second(1_760_000_000).unwrap();
    let last_ready = LastReady::after(ready, (manifest, &images), &health, at, None);
    let id = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
    scene.healths.change(&TargetId::here(), |known| {
        let health = ObjectHealth {
            commit,
            manifest,
            images,
            health,
            since: at,
            last_ready,
            pods: Vec::<PodFault>::new(),
        };
        known.objects.insert(id, health);
        true
    });
    last_ready
}

fn failed() -> Health {
    Health::Failed("pod web-1: it crashes again and again".to_owned())
}

/// A bump to 1.1.0 has landed, after 1.0.0 was seen ready.
async fn bumped(annotations: &str) -> (Scene, Option<LastReady>) {
    let mut scene = Scene::with(&web("1.0.0", annotations), None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let ready = seen(&scene, None, Health::Ready).await;
    scene.pass().await;
    scene.fetch().await;
    assert_eq!(scene.repo.file(WEB), web("1.1.0", annotations));
    (scene, ready)
}

#[tokio::test]
async fn a_bump_whose_rollout_fails_is_taken_back_once_and_held() {
    let (mut scene, ready) = bumped(ON).await;
    assert_eq!(scene.healths.is_history_used(), Some(true));
    let ready = seen(&scene, ready, failed()).await;
    scene.news();
    let (report, retry) = scene.pass().await;
    assert!(!retry && report.problems.is_empty(), "{report:?}");
    assert_eq!(scene.repo.file(WEB), web("1.0.0", ON));
    assert_eq!(scene.decision().0, Decided::Failed);
    let news = scene.news();
    let taken_back = |event: &&Event| matches!(event, Event::Automation(AutomationEvent::TakenBack { .. }));
    assert_eq!(news.iter().filter(taken_back).count(), 1, "{news:?}");
    let pushes = scene.repo.pushes();
    scene.fetch().await;
    scene.list(&["1.0.0", "1.1.0"]);
    for health in [failed(), Health::Ready, failed()] {
        seen(&scene, ready, health).await;
        scene.pass().await;
        let (outcome, reason) = scene.decision();
        assert_eq!(outcome, Decided::Held, "{reason}");
    }
    assert_eq!(scene.repo.pushes(), pushes, "never a cascade");
    assert_eq!(
        scene.repo.subjects().last().unwrap(),
        "Revert shop/web to 1.0.0: the rollout of 1.1.0 failed"
    );
}

#[tokio::test]
async fn a_bump_stays_without_the_annotation_and_for_a_failure_that_is_not_its_own() {
    let (mut scene, ready) = bumped("").await;
    seen(&scene, ready, failed()).await;
    scene.pass().await;
    assert_eq!(scene.healths.is_history_used(), Some(false));
    assert_eq!(scene.repo.pushes(), 1);

    let (mut scene, ready) = bumped(ON).await;
    seen(&scene, ready, Health::Progressing("1 of 2".to_owned())).await;
    scene.pass().await;
    let rolled_out = seen(&scene, ready, Health::Ready).await;
    seen(&scene, rolled_out, failed()).await;
    scene.pass().await;
    assert_eq!(scene.repo.pushes(), 1, "the rollout succeeded; what failed came later");

    let (mut scene, _) = bumped(ON).await;
    seen(&scene, None, failed()).await;
    scene.news();
    scene.pass().await;
    assert_eq!(scene.repo.pushes(), 1);
    let news = format!("{:?}", scene.news());
    assert!(news.contains("was not seen ready before"), "{news}");

    let (mut scene, ready) = bumped(ON).await;
    let changed = web("1.1.0", &format!("{ON}    acme.example/owner: jo\n"));
    scene.repo.person_commits("Name an owner", &[(WEB, &changed)]);
    scene.fetch().await;
    seen(&scene, ready, failed()).await;
    scene.news();
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), changed);
    let news = format!("{:?}", scene.news());
    assert!(news.contains("was changed after commit"), "{news}");
}

#[tokio::test]
async fn a_tag_that_a_person_wrote_and_a_forged_trailer_are_not_taken_back() {
    let mut scene = Scene::with(&web("1.0.0", ON), None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let ready = seen(&scene, None, Health::Ready).await;
    scene.repo.person_commits("By hand", &[(WEB, &web("1.1.0", ON))]);
    scene.fetch().await;
    seen(&scene, ready, failed()).await;
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), web("1.1.0", ON));

    let mut scene = Scene::with(&web("1.0.0", ON), None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let ready = seen(&scene, None, Health::Ready).await;
    let forged = "Bump\n\nTidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web \
                  image=registry.example/shop/web old=1.0.0 new=1.1.0\n";
    let file = web("1.1.0", &format!("{ON}    acme.example/owner: jo\n"));
    scene.repo.person_commits(forged, &[(WEB, &file)]);
    scene.fetch().await;
    seen(&scene, ready, failed()).await;
    scene.news();
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), file);
    let news = format!("{:?}", scene.news());
    assert!(news.contains("are not those of a bump of ours"), "{news}");
}

#[tokio::test(start_paused = true)]
async fn a_race_and_a_refusal_lose_no_revert_and_double_none() {
    let (mut scene, ready) = bumped(ON).await;
    seen(&scene, ready, failed()).await;
    scene.repo.answer_next_push(PushOutcome::Refused("no".to_owned()));
    let (report, retry) = scene.pass().await;
    assert!(
        retry && report.problems[0].contains("the server refused the push"),
        "{report:?}"
    );
    assert_eq!(scene.decision().0, Decided::Failed);
    scene.repo.before_next_push(|repo| {
        repo.person_commits("A note", &[("notes.txt", "1")]);
    });
    scene.pass().await;
    let subjects = scene.repo.subjects();
    let reverts = subjects.iter().filter(|subject| subject.starts_with("Revert "));
    assert_eq!(reverts.count(), 1, "{subjects:?}");
    assert_eq!(scene.repo.file(WEB), web("1.0.0", ON));

    let (mut scene, ready) = bumped(ON).await;
    seen(&scene, ready, failed()).await;
    scene.repo.before_next_push(|repo| {
        repo.person_commits("Revert by hand", &[(WEB, &web("1.0.0", ON))]);
    });
    scene.pass().await;
    assert_eq!(scene.repo.subjects().last().unwrap(), "Revert by hand");
    scene.list(&["1.0.0", "1.1.0"]);
    scene.pass().await;
    assert_eq!(scene.repo.subjects().last().unwrap(), "Revert by hand");
    assert_eq!(scene.decision().0, Decided::Held);
}

#[tokio::test]
async fn the_fields_of_a_group_go_back_together() {
    let annotations = format!("{ON}    tidegate.dev/group: shop\n");
    let both = |tag: &str| {
        let web = web(tag, &annotations);
        format!(
            "{web}---\n{}",
            web.replace("name: web\n", "name: web2\n").replace(ON, "")
        )
    };
    let mut scene = Scene::with(&both("1.0.0"), None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let ready = seen(&scene, None, Health::Ready).await;
    scene.pass().await;
    scene.fetch().await;
    assert_eq!(scene.repo.file(WEB), both("1.1.0"));
    seen(&scene, ready, failed()).await;
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), both("1.0.0"));
    let subjects = scene.repo.subjects();
    assert_eq!(
        subjects.iter().filter(|subject| subject.starts_with("Revert ")).count(),
        1
    );
}

#[tokio::test]
async fn a_bump_that_cannot_be_taken_back_is_reported_and_holds_no_other_bump_up() {
    let (mut scene, ready) = bumped(ON).await;
    // Somebody writes the same image in another way. The bump made again would not give this file.
    let escaped = web("1.1.0", ON).replace(
        "registry.example/shop/web:1.1.0",
        "\"registry.example/shop/web:1.1.\\x30\"",
    );
    let other = web("1.0.0", "").replace("name: web\n  namespace", "name: other\n  namespace");
    scene
        .repo
        .person_commits("Write it in another way", &[(WEB, &escaped), ("zeb.yaml", &other)]);
    scene.fetch().await;
    seen(&scene, ready, failed()).await;
    let (report, _) = scene.pass().await;
    let problems = report.problems.join("\n");
    assert!(
        problems.contains("web.yaml: a bump whose rollout failed is not taken back"),
        "{report:?}"
    );
    assert_eq!(scene.repo.file(WEB), escaped);
    assert!(
        scene.repo.file("zeb.yaml").contains("shop/web:1.1.0"),
        "{}",
        scene.repo.file("zeb.yaml")
    );
}
