//! What costs nothing.

use super::scene::{Scene, chart, release};
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::{AuditRequest, Options};

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
    // The watches show what the installation has made, and each release is looked at once more for that.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let mark = cluster.audit_mark();
        synced_three_times(&scene).await;
        let requests = cluster.requests_since(&mark).await.unwrap();
        if of_releases(&requests).is_empty() {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "no rest: {:#?}",
            of_releases(&requests)
        );
    }
    let mark = cluster.audit_mark();
    scene.commit(&[("README.md", "nothing of a release\n")]);
    let applied = scene.repo.tip().unwrap().unwrap();
    let status = async |scene: &Scene| scene.agent.get("/v1/status").await.unwrap().1;
    scene
        .until("the commit applied", status, |text| text.contains(&applied))
        .await;
    synced_three_times(&scene).await;
    let requests = cluster.requests_since(&mark).await.unwrap();
    assert!(of_releases(&requests).is_empty(), "{:#?}", of_releases(&requests));
}

async fn synced_three_times(scene: &Scene) {
    for _ in 0..3 {
        scene.agent.ask(&["sync"]).await.unwrap();
    }
}

/// What the agent and its helm asked about releases.
fn of_releases(requests: &[AuditRequest]) -> Vec<&AuditRequest> {
    let is_about = |request: &&AuditRequest| {
        let sender = request.user_agent.to_lowercase();
        let is_of_agent = sender.starts_with("tidegate/") && request.resource.contains("helmreleases");
        (is_of_agent || sender.contains("helm")) && request.verb != "watch"
    };
    requests.iter().filter(is_about).collect()
}
