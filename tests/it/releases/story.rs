//! What a team does with a HelmRelease every day.

use super::scene::{Scene, chart, release};
use kube::api::DeleteParams;
use tidegate_stack::ControlPlane;

#[tokio::test]
async fn a_helmrelease_is_installed_upgraded_reverted_and_uninstalled() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-story", chart(&[]), "  values: {text: one}\n").await;
    let status = scene.settled("Succeeded", "one").await;
    assert_eq!(status["releaseName"], "web");
    assert_eq!(status["releaseStatus"], "deployed");
    assert_eq!(status["helmRevision"], 1);
    assert_eq!(status["revision"].as_str(), scene.repo.tip().unwrap().as_deref());
    assert_eq!(status["revision"], status["lastAttemptedRevision"]);
    assert_eq!(scene.live("other").await.as_deref(), Some("of the chart"));
    assert_eq!(scene.history(), [(1, "deployed".to_owned())]);

    let two = scene.declare("  values: {text: two}\n");
    let status = scene.settled("Succeeded", "two").await;
    assert_eq!(status["revision"], two.as_str());
    scene.commit(&[("charts/web/values.yaml", "text: x\nother: newer\n")]);
    scene
        .until(
            "the chart's change",
            async |scene| scene.live("other").await,
            |text| text.as_deref() == Some("newer"),
        )
        .await;
    scene.settled("Succeeded", "two").await;

    scene.person.pull().unwrap();
    scene.person.revert(&two).unwrap();
    scene.person.push().unwrap();
    scene.settled("Succeeded", "one").await;
    let words: Vec<String> = scene
        .history()
        .into_iter()
        .map(|(number, status)| format!("{number} {status}"))
        .collect();
    assert_eq!(words, ["1 superseded", "2 superseded", "3 superseded", "4 deployed"]);
    let values = scene.helm(&["get", "values", "web", "-o", "json"]).unwrap();
    assert_eq!(values.trim(), r#"{"text":"one"}"#);

    scene.person.pull().unwrap();
    scene.person.remove("web.yaml").unwrap();
    scene.person.commit("without the release").unwrap();
    scene.person.push().unwrap();
    let gone = async |scene: &Scene| {
        let release = scene.releases().get_opt("web").await.unwrap().is_some();
        (release, scene.live("text").await, scene.history())
    };
    scene
        .until("everything gone", gone, |seen| *seen == (false, None, Vec::new()))
        .await;
}

#[tokio::test]
async fn a_helmrelease_that_somebody_deletes_comes_back_and_its_release_stays() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-back", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    let before = scene.releases().get("web").await.unwrap().metadata.uid;
    let map = scene.maps().get("web").await.unwrap().metadata.uid;
    scene.releases().delete("web", &DeleteParams::default()).await.unwrap();
    let look = async |scene: &Scene| {
        scene
            .releases()
            .get_opt("web")
            .await
            .unwrap()
            .and_then(|live| live.metadata.uid)
    };
    scene
        .until("the HelmRelease back", look, |uid| uid.is_some() && *uid != before)
        .await;
    scene.settled("Succeeded", "one").await;
    assert_eq!(scene.maps().get("web").await.unwrap().metadata.uid, map);
    assert_eq!(scene.history(), [(1, "deployed".to_owned())]);
}

#[tokio::test]
async fn what_somebody_does_with_helm_is_put_back_to_what_git_declares() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "rel-drift", chart(&[]), "  values: {text: one}\n").await;
    scene.agent.run().await.unwrap();
    scene.settled("Succeeded", "one").await;
    let folder = scene.person.path().join("charts/web");
    scene
        .helm(&["upgrade", "web", folder.to_str().unwrap(), "--set", "text=by-hand"])
        .unwrap();
    scene
        .until(
            "git's value back",
            async |scene| (scene.live("text").await, scene.history().len()),
            |(text, revisions)| text.as_deref() == Some("one") && *revisions == 3,
        )
        .await;
    scene.helm(&["uninstall", "web"]).unwrap();
    scene
        .until(
            "the release back",
            async |scene| scene.live("text").await,
            |text| text.as_deref() == Some("one"),
        )
        .await;
    scene.settled("Succeeded", "one").await;
}

#[tokio::test]
async fn a_release_that_a_person_made_is_taken_over_with_its_next_revision() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "rel-takeover", chart(&[]), "  values: {text: one}\n").await;
    let folder = scene.person.path().join("charts/web");
    scene
        .helm(&[
            "install",
            "web",
            folder.to_str().unwrap(),
            "--set",
            "text=by-hand",
            "--create-namespace",
        ])
        .unwrap();
    let map = scene.maps().get("web").await.unwrap().metadata.uid;
    scene
        .agent
        .configure(|options| options.more = options.more.replace("sync: {", "sync: {adopt: true, "))
        .unwrap();
    scene.agent.run().await.unwrap();
    scene.settled("Succeeded", "one").await;
    assert_eq!(
        scene.maps().get("web").await.unwrap().metadata.uid,
        map,
        "nothing is installed anew"
    );
    let words: Vec<String> = scene
        .history()
        .into_iter()
        .map(|(number, status)| format!("{number} {status}"))
        .collect();
    assert_eq!(words, ["1 superseded", "2 deployed"]);
    assert!(scene.agent.log().contains("taken over from whoever made it"));
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_said_on_the_helmrelease_and_holds_up_nothing_else() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "rel-refused", chart(&[]), "  values: {text: one}\n").await;
    let twin = release(&scene.namespace, "  values: {text: twin}\n")
        .replace("name: web\n  namespace", "name: zwin\n  namespace");
    let tiller =
        release(&scene.namespace, "  helmVersion: v2\n").replace("name: web\n  namespace", "name: tiller\n  namespace");
    let absent = release(&scene.namespace, "").replace("name: web\n  namespace", "name: absent\n  namespace");
    let absent = absent
        .replace("charts/web", "charts/none")
        .replace("releaseName: web", "releaseName: absent");
    scene.agent.run().await.unwrap();
    scene.settled("Succeeded", "one").await;
    scene.commit(&[("zwin.yaml", &twin), ("tiller.yaml", &tiller), ("absent.yaml", &absent)]);
    for (name, phase, part) in [
        ("zwin", "Failed", "which is older; set another spec.releaseName"),
        ("tiller", "Failed", "Helm 2 and its Tiller are gone"),
        (
            "absent",
            "ChartFetchFailed",
            "folder charts/none of the config repo has no Chart.yaml",
        ),
    ] {
        let look = async |scene: &Scene| {
            let release = scene.releases().get_opt(name).await.unwrap();
            release
                .map(|release| release.data["status"].to_string())
                .unwrap_or_default()
        };
        scene
            .until(name, look, |text| {
                text.contains(&format!("\"phase\":\"{phase}\"")) && text.contains(part)
            })
            .await;
    }
    assert_eq!(scene.live("text").await.as_deref(), Some("one"));
    assert_eq!(scene.history().len(), 1);
}
