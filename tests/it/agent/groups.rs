//! Fields of a group move together, and go back together.

use super::world::{HOST, World, namespace_file};
use tidegate_stack::ControlPlane;

fn deployment(namespace: &str, name: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\n    tidegate.dev/policy: semver:*\n    tidegate.dev/group: shop\nspec:\n  replicas: 0\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers:\n      - name: main\n        image: {HOST}/shop/{name}:{tag}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_a_group_wait_for_each_other_move_in_one_commit_and_are_held_together() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("groups-{}", std::process::id());
    let (web, api) = (
        deployment(&namespace, "web", "1.0.0"),
        deployment(&namespace, "api", "1.0.0"),
    );
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("web.yaml", web.clone()),
        ("api.yaml", api.clone()),
    ];
    let mut world = World::with(&cluster, "groups", &namespace, &files).await;
    for repository in ["shop/web", "shop/api"] {
        world.ecr.push_tag(repository, "1.0.0").unwrap();
    }
    world.agent.run().await.unwrap();
    world.runs("1.0.0").await;
    let first = world.repo.tip().unwrap().unwrap();

    world.ecr.push_tag("shop/web", "1.1.0").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    assert_eq!(world.repo.tip().unwrap().unwrap(), first, "one of two may not move");
    let status = world.agent.ask(&["status", "-o", "json"]).await.unwrap().to_string();
    assert!(status.contains("waits for") && status.contains("api"), "{status}");

    world.ecr.push_tag("shop/api", "1.1.0").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("1.1.0").await;
    let bump = world.repo.tip().unwrap().unwrap();
    let parent = world.repo.git(&["rev-parse", &format!("{bump}^")]).unwrap();
    assert_eq!(parent.trim(), first, "both are in one commit");
    for (file, before) in [("web.yaml", &web), ("api.yaml", &api)] {
        let text = world.repo.file_at("main", file).unwrap();
        assert_eq!(text, before.replace(":1.0.0", ":1.1.0"));
    }

    // A person takes back one of the two. The other one has a newer tag, and stays.
    let person = world.repo.work_copy().unwrap();
    person.write("web.yaml", &web).unwrap();
    person.commit("Back to 1.0.0").unwrap();
    person.push().unwrap();
    let taken_back = world.repo.tip().unwrap().unwrap();
    world.ecr.push_tag("shop/api", "1.2.0").unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    assert_eq!(world.repo.tip().unwrap().unwrap(), taken_back, "the group is held");
}
