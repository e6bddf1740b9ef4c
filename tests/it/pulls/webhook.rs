use super::scene::Scene;
use crate::agent::world::SOON;
use std::time::{Duration, Instant};
use tidegate_stack::ControlPlane;

const SECRET: &str = "a-secret-of-the-webhook";

/// The remote is asked once an hour: what comes sooner comes by the webhook.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_gitea_reports_is_applied_at_once_and_one_with_another_secret_is_rejected() {
    let mut scene = Scene::prepare_with(
        "webhook",
        |_| String::new(),
        |options| {
            options.webhook_secret = SECRET.to_owned();
            options.more = "sync: {set: webhook}\nautomation: {enabled: false}\n".to_owned();
        },
    )
    .await;
    scene.agent.run().await.unwrap();
    let address = format!("{}/hooks/push", scene.agent.server());
    let client = ControlPlane::shared()
        .await
        .unwrap()
        .client_named("somebody")
        .await
        .unwrap();
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::namespaced(client, "default");
    let person = scene.project.work_copy().unwrap();
    let push = |name: &str| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n");
        person.write(&format!("apps/{name}.yaml"), &text).unwrap();
        person.commit(name).unwrap();
        person.push().unwrap();
    };
    let is_applied = async |name: &str, within: Duration| {
        let start = Instant::now();
        while start.elapsed() < within {
            if maps.get_opt(name).await.unwrap().is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };

    scene
        .project
        .webhook(&address, "another-secret-altogether")
        .await
        .unwrap();
    push("unheard");
    assert!(!is_applied("unheard", Duration::from_secs(4)).await);
    let log = scene.agent.log();
    assert!(
        log.contains("its signature was not made with the configured secret"),
        "{log}"
    );
    assert!(!log.contains(SECRET), "{log}");

    scene.project.webhook(&address, SECRET).await.unwrap();
    push("heard");
    assert!(is_applied("heard", SOON).await, "{}", scene.agent.log());
    assert!(is_applied("unheard", SOON).await, "it is of the same branch");

    person.git(&["checkout", "-q", "-b", "beside"]).unwrap();
    person.git(&["push", "-q", "origin", "beside"]).unwrap();
    let deadline = Instant::now() + SOON;
    while !scene.agent.log().contains("woken=false") && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = scene.agent.log();
    assert!(
        log.contains("woken=false"),
        "a push to another branch is none of ours: {log}"
    );
}
