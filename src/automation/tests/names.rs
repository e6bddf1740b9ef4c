//! Names of images that follow an ImageRepository of Flux v2.

use super::scene::{Scene, WEB};
use crate::model::BranchName;
use crate::plan::Outcome as Decided;

const POLICIES: &str = "policies.yaml";

fn policies(image: &str) -> String {
    format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: web, namespace: flux-system}}\nspec: \
         {{image: {image}}}\n---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: web, namespace: \
         flux-system}}\nspec: {{imageRepositoryRef: {{name: web}}, policy: {{semver: {{range: 1.x}}}}}}\n"
    )
}

fn web(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: web\n        image: {image}  # {{\"$imagepolicy\": \"flux-system:web\"}}\n"
    )
}

/// A Deployment with a marker; its ImageRepository names another registry.
async fn scene(image: &str, branch: Option<BranchName>) -> Scene {
    let scene = Scene::with(&web(image), branch).await;
    let policies = policies("new.example/shop/web");
    scene.repo.person_commits("Move the registry", &[(POLICIES, &policies)]);
    scene.fetch().await;
    scene
}

#[tokio::test]
async fn the_name_is_written_with_the_tag_that_the_new_repository_has() {
    let mut scene = scene("old.example/shop/web:1.0.0", None).await;
    scene.list_at("new.example", &["1.0.0", "1.1.0"]);
    let (report, _) = scene.pass().await;
    assert!(report.problems.is_empty(), "{report:?}");
    let bump = &report.landed.expect("a commit landed").bumps[0];
    assert_eq!(scene.repo.file(WEB), web("new.example/shop/web:1.1.0"));
    let record = bump.record();
    assert_eq!(
        (&*record.image, record.new_image.as_deref()),
        ("old.example/shop/web", Some("new.example/shop/web"))
    );
    assert!(bump.reason.contains("new.example/shop/web"), "{}", bump.reason);
    for _ in 0..2 {
        assert!(scene.pass().await.0.landed.is_none());
    }
    assert_eq!(scene.decision().0, Decided::UpToDate);
    scene.list_at("new.example", &["1.0.0", "1.1.0", "1.2.0"]);
    scene.pass().await;
    assert_eq!(scene.repo.file(WEB), web("new.example/shop/web:1.2.0"));
}

#[tokio::test]
async fn nothing_is_written_that_the_new_repository_does_not_have() {
    let mut scene = scene("old.example/shop/web:1.5.0", None).await;
    scene.list_at("old.example", &["1.5.0", "1.6.0"]);
    assert!(scene.pass().await.0.landed.is_none());
    assert_eq!(scene.decision().0, Decided::Unknown, "{:?}", scene.decision());
    for tags in [&["2.0.0"][..], &["1.4.0"], &[]] {
        scene.list_at("new.example", tags);
        let (report, _) = scene.pass().await;
        assert!(report.landed.is_none(), "{report:?}");
        assert_eq!(scene.repo.file(WEB), web("old.example/shop/web:1.5.0"));
    }
}

#[tokio::test]
async fn a_revert_of_the_name_holds_with_and_without_another_tag() {
    for from in ["old.example/shop/web:1.0.0", "old.example/shop/web:1.1.0"] {
        let mut scene = scene(from, None).await;
        scene.list_at("new.example", &["1.0.0", "1.1.0"]);
        scene.pass().await;
        assert_eq!(scene.repo.file(WEB), web("new.example/shop/web:1.1.0"));
        scene.repo.person_commits("Revert \"Bump\"", &[(WEB, &web(from))]);
        scene.fetch().await;
        assert!(scene.pass().await.0.landed.is_none());
        let (outcome, reason) = scene.decision();
        assert_eq!(outcome, Decided::Held, "{from}");
        assert!(
            reason.contains("new.example/shop/web:1.1.0 was taken back in") && reason.contains("Jo"),
            "{reason}"
        );
        assert_eq!(scene.repo.file(WEB), web(from));

        scene.list_at("new.example", &["1.0.0", "1.1.0", "1.1.1", "1.1.2", "1.1.3", "1.1.4"]);
        scene.pass().await;
        assert_eq!(scene.repo.file(WEB), web("new.example/shop/web:1.1.4"));
    }
}

#[tokio::test]
async fn a_person_who_keeps_the_tag_and_takes_the_name_back_is_not_overwritten() {
    let mut scene = scene("old.example/shop/web:1.0.0", None).await;
    scene.list_at("new.example", &["1.0.0", "1.1.0"]);
    scene.pass().await;
    let theirs = web("old.example/shop/web:1.1.0");
    scene.repo.person_commits("Stay at the old registry", &[(WEB, &theirs)]);
    scene.fetch().await;
    assert!(scene.pass().await.0.landed.is_none());
    assert_eq!((scene.decision().0, scene.repo.file(WEB)), (Decided::Held, theirs));
}

#[tokio::test]
async fn the_branch_with_a_new_name_is_known_as_our_own() {
    let branch = BranchName::parse("tidegate/bumps").unwrap();
    let mut scene = scene("old.example/shop/web:1.0.0", Some(branch.clone())).await;
    for (tags, newest) in [(&["1.0.0"][..], "1.0.0"), (&["1.0.0", "1.1.0"], "1.1.0")] {
        scene.list_at("new.example", tags);
        let (report, _) = scene.pass().await;
        assert!(report.problems.is_empty(), "{report:?}");
        let file = scene.repo.file_on(&branch, WEB).unwrap();
        assert_eq!(file, web(&format!("new.example/shop/web:{newest}")));
    }
    assert_eq!(scene.repo.pushes(), 2);
}

#[tokio::test]
async fn a_name_that_an_entry_of_a_kustomization_looks_for_stays() {
    let kustomization =
        "kind: Kustomization\nresources: [web.yaml]\nimages:\n- {name: old.example/shop/web, newTag: 1.0.0}\n";
    let mut scene = scene("old.example/shop/web:1.0.0", None).await;
    scene
        .repo
        .person_commits("Add a kustomization", &[("kustomization.yaml", kustomization)]);
    scene.fetch().await;
    scene.list_at("new.example", &["1.0.0", "1.1.0"]);
    assert!(scene.pass().await.0.landed.is_none());
    let (outcome, reason) = scene.decision();
    assert_eq!(outcome, Decided::InvalidPolicy);
    assert!(
        reason.contains("kustomization.yaml:4:") && reason.contains("newName"),
        "{reason}"
    );
}
