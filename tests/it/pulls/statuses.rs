use super::scene::Scene;
use crate::agent::world::{SOON, namespace_file};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The statuses of a commit that people see on the forge: name and state.
async fn statuses(scene: &Scene, commit: &str) -> Vec<(String, String)> {
    let path = format!("/commits/{commit}/status");
    let found = scene.project.call("GET", &path, None).await.unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let statuses = found["statuses"].as_array().cloned().unwrap_or_default();
    statuses
        .iter()
        .map(|one| (text(one, "context"), text(one, "status")))
        .collect()
}

/// Waits until the commit has this status.
async fn shows(scene: &Scene, commit: &str, name: &str, state: &str) {
    let expected = (name.to_owned(), state.to_owned());
    let start = Instant::now();
    while !statuses(scene, commit).await.contains(&expected) {
        let found = statuses(scene, commit).await;
        assert!(start.elapsed() < SOON * 2, "{found:?}\n{}", scene.agent.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gitea_shows_which_commits_are_applied_and_which_are_not() {
    let scene = Scene::prepare_with(
        "statuses",
        |gitea| {
            format!(
                "notifications:\n- name: forge\n  group: 1s\n  commitStatus: {{forge: gitea, api: \"{}\", tokenFile: {}}}\n",
                gitea.api(),
                gitea.token_file().display()
            )
        },
        |options| {
            options.more = options.more.replace("enabled: false, ", "") + "automation: {enabled: false}\n";
            options.poll = "1s".to_owned();
        },
    )
    .await;
    let mut scene = scene;
    scene.agent.start().unwrap();
    let first = scene.tip();
    shows(&scene, &first, "tidegate/here/applied", "failure").await;
    let person = scene.project.work_copy().unwrap();
    person.write("namespace.yaml", &namespace_file("statuses")).unwrap();
    let second = person.commit("The namespace").unwrap();
    person.push().unwrap();
    shows(&scene, &second, "tidegate/here/applied", "success").await;
    shows(&scene, &first, "tidegate/here/applied", "failure").await;
    let token = scene.gitea.token();
    assert!(!scene.agent.log().contains(token), "the log has the token");
}
