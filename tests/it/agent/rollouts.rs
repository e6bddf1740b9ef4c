//! A failed rollout takes itself back: once, with the reason, and the tag is held until a person or a newer tag.

use super::world::{HOST, SOON, World, namespace_file};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::git::Commit;

/// An automated Deployment whose rollouts have five seconds.
fn deployment(namespace: &str, name: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\n    tidegate.dev/revert-on-failure: \"true\"\nspec:\n  progressDeadlineSeconds: 5\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers:\n      - name: app\n        image: {HOST}/shop/{name}:{tag}   # by CI\n"
    )
}

/// The workloads of a world, all at tag 1 and ready, each in a file of its name.
async fn ready(cluster: &ControlPlane, name: &str, workloads: &[&str]) -> World {
    let namespace = format!("{name}-{}", std::process::id());
    let mut files = vec![("namespace.yaml".to_owned(), namespace_file(&namespace))];
    let of = |workload: &&str| (format!("{workload}.yaml"), deployment(&namespace, workload, "1"));
    files.extend(workloads.iter().map(of));
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (&**path, text.clone())).collect();
    let mut world = World::with(cluster, name, &namespace, &files).await;
    for workload in workloads {
        world.ecr.push_tag(&format!("shop/{workload}"), "1").unwrap();
    }
    world.agent.run().await.unwrap();
    healthy(&world).await;
    world
}

/// Waits until the head is healthy.
async fn healthy(world: &World) {
    let command = world.agent.command(&["sync", "--wait"]);
    let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
    let output = tokio::time::timeout(SOON, ended).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The commits that take bumps back, oldest first.
fn taken_back(world: &World) -> Vec<Commit> {
    let mut commits = world.repo.log().unwrap();
    commits.retain(|commit| commit.message.starts_with("Revert "));
    commits.reverse();
    commits
}

/// Waits until commits that take bumps back name each of these workloads.
async fn all_taken_back(world: &mut World, workloads: &[&str]) -> String {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let text: String = taken_back(world).into_iter().map(|commit| commit.message).collect();
        if workloads
            .iter()
            .all(|workload| text.contains(&format!("/{workload} app: ")))
        {
            return text;
        }
        if tokio::time::Instant::now() > deadline {
            world.agent.process().unwrap().print_log_tail();
            panic!("{workloads:?} are not all taken back: {text}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn fields(world: &World) -> Vec<Value> {
    let plan = world.agent.ask(&["plan", "-o", "json"]).await.unwrap();
    let mut plan: Value = serde_json::from_str(&plan).unwrap();
    serde_json::from_value(plan["fields"].take()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_fails_is_taken_back_once_with_its_reason_and_a_healthy_one_never() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let failing = [
        (
            "crash",
            "2-crash",
            "container app: it crashes again and again (exit code 1)",
        ),
        ("pull", "2-unpullable", "cannot be pulled"),
        ("slow", "2-unready", "container app: it runs and is not ready"),
    ];
    let mut world = ready(&cluster, "rollout", &["crash", "pull", "slow", "fine"]).await;
    for (name, tag, _) in failing {
        world.ecr.push_tag(&format!("shop/{name}"), tag).unwrap();
    }
    world.ecr.push_tag("shop/fine", "2").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    let text = all_taken_back(&mut world, &failing.map(|(name, ..)| name)).await;
    println!("{text}");
    for (name, tag, why) in failing {
        let object = format!("Failed: Deployment {}/{name} in target here: ", world.namespace);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&object)).collect();
        assert!(lines.len() == 1 && lines[0].contains(why), "{lines:?}");
        let list = format!(
            "- Deployment {}/{name} app: {HOST}/shop/{name} {tag} -> 1",
            world.namespace
        );
        assert_eq!(text.matches(&list).count(), 1, "{text}");
        let file = world.repo.file_at("HEAD", &format!("{name}.yaml")).unwrap();
        assert_eq!(file, deployment(&world.namespace, name, "1"), "no other byte changes");
    }
    assert!(!text.contains("Tidegate-Bump:") && !text.contains("/fine "), "{text}");
    healthy(&world).await;

    let tip = world.repo.tip().unwrap();
    for round in 0..6 {
        if round == 3 {
            world.agent.kill();
            world.agent.forget().unwrap();
            world.agent.run().await.unwrap();
        }
        world.agent.ask(&["scan"]).await.unwrap();
    }
    assert_eq!(world.repo.tip().unwrap(), tip, "what failed is held");
    for field in fields(&world).await {
        let is_fine = field["object"]["name"] == "fine";
        let outcome = if is_fine { "up-to-date" } else { "held" };
        assert_eq!(field["outcome"], outcome, "{field}");
        let reason = field["reason"].as_str().unwrap();
        assert!(is_fine || reason.contains("was taken back in"), "{reason}");
    }
    world.ecr.push_tag("shop/crash", "3").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    healthy(&world).await;
    let file = world.repo.file_at("HEAD", "crash.yaml").unwrap();
    assert_eq!(
        file,
        deployment(&world.namespace, "crash", "3"),
        "a newer tag is chosen"
    );
    world.agent.ask(&["resume", "deployment/pull"]).await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    assert_eq!(
        world.bumps_to("2-unpullable").len(),
        2,
        "a person lifts the hold as any other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_keeps_pods_of_the_new_image_away_takes_the_bump_back() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let mut world = ready(&cluster, "rollout-quota", &["quota"]).await;
    let quota: ResourceQuota =
        serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}})).unwrap();
    let quotas: Api<ResourceQuota> = Api::namespaced(world.client.clone(), &world.namespace);
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    world.ecr.push_tag("shop/quota", "2").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    let text = all_taken_back(&mut world, &["quota"]).await;
    assert!(text.contains("exceeded quota: one"), "{text}");
    healthy(&world).await;
    assert_eq!(taken_back(&world).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_while_a_rollout_fails_takes_the_bump_back_once_after_its_start() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let mut world = ready(&cluster, "rollout-kill", &["killed"]).await;
    world.ecr.push_tag("shop/killed", "2-crash").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    assert_eq!(world.bumps_to("2-crash").len(), 1);
    world.agent.kill();
    world.agent.forget().unwrap();
    world.agent.run().await.unwrap();
    all_taken_back(&mut world, &["killed"]).await;
    world.agent.kill();
    world.agent.run().await.unwrap();
    healthy(&world).await;
    assert_eq!((taken_back(&world).len(), world.bumps_to("2-crash").len()), (1, 1));
}
