//! What costs nothing.

use super::scene::{Scene, chart, release};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

#[tokio::test]
async fn passes_and_commits_without_a_change_of_a_release_make_no_revision_and_no_request() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-idle", chart(&[]), "  values: {text: one}\n").await;
    let twenty: Vec<(String, String)> = (0..20)
        .map(|n| {
            let text = release(&scene.namespace, "  values: {text: one}\n");
            let text = text.replace("name: web\n  namespace", &format!("name: r{n}\n  namespace"));
            (
                format!("r{n}.yaml"),
                text.replace("releaseName: web", &format!("releaseName: r{n}")),
            )
        })
        .collect();
    let twenty: Vec<(&str, &str)> = twenty
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    scene.commit(&twenty);
    let done = async |scene: &Scene| {
        let all = scene.releases().list(&kube::api::ListParams::default()).await.unwrap();
        all.items
            .iter()
            .filter(|release| release.data["status"]["phase"] == "Succeeded")
            .filter(|release| !matches!(release.data["status"]["objects"]["digest"].as_str(), None | Some("")))
            .count()
    };
    scene.until("all installed", done, |count| *count == 21).await;
    let mark = cluster.audit_mark();
    scene.commit(&[("README.md", "nothing of a release\n")]);
    let applied = scene.repo.tip().unwrap().unwrap();
    let status = async |scene: &Scene| scene.agent.get("/v1/status").await.unwrap().1;
    scene
        .until("the commit applied", status, |text| text.contains(&applied))
        .await;
    for _ in 0..3 {
        scene.agent.ask(&["sync"]).await.unwrap();
    }
    let requests = cluster.requests_since(&mark).await.unwrap();
    let of_helm: Vec<_> = requests
        .iter()
        .filter(|request| {
            request.user_agent.to_lowercase().contains("helm") || request.resource.contains("helmreleases")
        })
        .filter(|request| {
            request.user_agent.starts_with("tidegate/") || request.user_agent.to_lowercase().contains("helm")
        })
        .filter(|request| request.verb != "watch")
        .collect();
    assert!(of_helm.is_empty(), "{of_helm:#?}");
}
