//! Promotion: production takes the tag that staging has run healthy for some time.

use super::world::{HOST, SOON, World, namespace_file};
use tidegate_stack::ControlPlane;

fn deployment(namespace: &str, name: &str, tag: &str, policy: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\n    tidegate.dev/policy.app: \"{policy}\"\nspec:\n  progressDeadlineSeconds: 5\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers:\n      - name: app\n        image: {HOST}/shop/web:{tag}   # by CI\n"
    )
}

/// Waits until a file of the head holds this text. Each scan wakes the loops.
async fn has(world: &World, path: &str, text: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        world.agent.ask(&["scan"]).await.unwrap();
        let file = world.repo.file_at("HEAD", path).unwrap();
        if file.contains(text) {
            return;
        }
        let plan = world.agent.ask(&["plan"]).await.unwrap();
        assert!(tokio::time::Instant::now() < deadline, "{file}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_follows_staging_through_a_kill_and_takes_no_tag_that_fails_there() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let namespace = format!("follow-{}", std::process::id());
    let follows = "follow:staging/web.yaml#Deployment/staging/app after 1s";
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("staging/web.yaml", deployment(&namespace, "staging", "1", "glob:*")),
        (
            "production/web.yaml",
            deployment(&namespace, "production", "1", follows),
        ),
    ];
    let mut world = World::with(&cluster, "follow", &namespace, &files).await;
    world.ecr.push_tag("shop/web", "1").unwrap();
    world.ecr.push_tag("shop/web", "2").unwrap();
    world.agent.run().await.unwrap();
    has(&world, "staging/web.yaml", "shop/web:2 ").await;
    world.agent.kill();
    world.agent.forget().unwrap();
    world.agent.run().await.unwrap();
    has(&world, "production/web.yaml", "shop/web:2 ").await;
    assert_eq!(world.bumps_to("2").len(), 2, "one for each field");

    world.ecr.push_tag("shop/web", "3-crash").unwrap();
    has(&world, "staging/web.yaml", "shop/web:3-crash ").await;
    for _ in 0..5 {
        world.agent.ask(&["scan"]).await.unwrap();
    }
    let production = world.repo.file_at("HEAD", "production/web.yaml").unwrap();
    assert!(production.contains("shop/web:2 "), "{production}");
    let plan = world.agent.ask(&["plan"]).await.unwrap();
    assert!(
        plan.contains("waits for 3-crash of staging/web.yaml#Deployment/staging/app: "),
        "{plan}"
    );
}
