use super::world::{HOST, SOON, World, deployment};
use std::fs;
use tidegate_stack::ControlPlane;
use tidegate_stack::git::Access;

fn workload(namespace: &str, name: &str, tag: &str) -> String {
    deployment(namespace, tag)
        .replace("name: web\n", &format!("name: {name}\n"))
        .replace("{app: web}", &format!("{{app: {name}}}"))
        .replace("shop/web", &format!("shop/{name}"))
}

fn changed_lines(world: &World, commit: &str) -> Vec<String> {
    let diff = world.repo.diff(commit).unwrap();
    diff.lines()
        .filter(|line| line.starts_with("-  ") || line.starts_with("+  "))
        .map(|line| line.split('#').next().unwrap().replace(' ', ""))
        .collect()
}

/// Pushes the tag everywhere and lets the agent bump to it. A slow scan is reported in parts, and each part wakes a pass: the
/// agent may not push before the last part is reported.
async fn bump_all_in_one_pass(world: &mut World, names: [&str; 3], tag: &str) {
    let key = world.agent.identity().await.unwrap();
    world.git.authorize(&key, Access::ReadOnly).unwrap();
    world.git.stop();
    world.git.resume().unwrap();
    for name in names {
        world.ecr.push_tag(&format!("shop/{name}"), tag).unwrap();
    }
    let refused = world.agent.call(&["scan"]).await.unwrap();
    let refused = String::from_utf8(refused.stdout).unwrap();
    assert!(refused.contains("may not write"), "{refused}");
    world.git.authorize(&key, Access::ReadWrite).unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs(tag).await;
}

/// Three workloads, two of them in one file. Each gets its own commit; taking one back holds that one alone.
#[tokio::test(flavor = "multi_thread")]
async fn each_workload_has_a_commit_of_its_own_on_request_and_its_revert_holds_it_alone() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("each-{}", std::process::id());
    let of = |name: &str| workload(&namespace, name, "1111aaa");
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        ("apps/api.yaml", of("api")),
        ("apps/web.yaml", format!("{}---\n{}", of("web"), of("jobs"))),
    ];
    let mut world = World::with(&cluster, "each", &namespace, &files).await;
    world
        .agent
        .configure(|options| options.more.push_str("automation: {commitPer: workload}\n"))
        .unwrap();
    let names = ["api", "web", "jobs"];
    for name in names {
        world.ecr.push_tag(&format!("shop/{name}"), "1111aaa").unwrap();
    }
    let pushes = world.git.dir().join("pushes");
    let hook = format!("#!/bin/sh\ncat >>{}\n", pushes.display());
    world.repo.hook("post-receive", &hook).unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    bump_all_in_one_pass(&mut world, names, "2222bbb").await;

    let log = world.repo.log().unwrap();
    assert_eq!(log.len(), 4, "{log:#?}");
    for (number, name) in names.iter().rev().enumerate() {
        let commit = &log[number];
        assert_eq!(commit.parents, [log[number + 1].id.clone()]);
        assert_eq!(commit.subject, format!("Bump shop/{name} to 2222bbb"));
        assert_eq!(
            changed_lines(&world, &commit.id),
            [
                format!("-image:{HOST}/shop/{name}:1111aaa"),
                format!("+image:{HOST}/shop/{name}:2222bbb")
            ]
        );
        let trailers = commit.message.lines().filter(|line| line.starts_with("Tidegate-Bump:"));
        assert_eq!(trailers.count(), 1);
    }

    let person = world.repo.work_copy().unwrap();
    person.revert(&log[1].id).unwrap();
    person.push().unwrap();
    for _ in 0..3 {
        world.agent.ask(&["scan"]).await.unwrap();
    }
    assert_eq!(world.repo.log().unwrap().len(), 5, "nothing is put back");
    let plan: serde_json::Value =
        serde_json::from_str(&world.agent.ask(&["plan", "-o", "json"]).await.unwrap()).unwrap();
    let held: Vec<_> = plan["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["object"]["name"].clone(), field["outcome"].clone()))
        .collect();
    let want = [("api", "up-to-date"), ("web", "held"), ("jobs", "up-to-date")];
    assert_eq!(held.len(), 3);
    for (name, outcome) in want {
        assert!(
            held.contains(&(name.into(), outcome.into())),
            "{name} is not {outcome}: {held:?}"
        );
    }
    bump_all_in_one_pass(&mut world, names, "3333ccc").await;
    assert_eq!(world.repo.log().unwrap().len(), 8);
    let deadline = tokio::time::Instant::now() + SOON;
    while fs::read_to_string(&pushes).unwrap().lines().count() < 3 {
        assert!(tokio::time::Instant::now() < deadline, "a hook runs after each push");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(fs::read_to_string(&pushes).unwrap().lines().count(), 3);
}
