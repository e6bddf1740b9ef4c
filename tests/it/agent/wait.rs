//! `tidegate sync --wait`: what a CI job sees of a rollout that succeeds, takes too long, or fails.

use super::world::{HOST, SOON, World, namespace_file};
use std::process::Output;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::Agent;

/// A Deployment with one replica and this deadline for its rollout, in seconds.
fn web(namespace: &str, tag: &str, deadline: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  progressDeadlineSeconds: {deadline}\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
         containers: [{{name: web, image: \"{HOST}/shop/web:{tag}\"}}]\n"
    )
}

async fn sync(agent: &Agent, arguments: &[&str]) -> (Option<i32>, String, String) {
    let command = agent.command(&[&["sync", "--wait"], arguments].concat());
    let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
    let Output { status, stdout, stderr } = tokio::time::timeout(SOON, ended).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ci_job_learns_whether_its_commit_became_healthy_and_why_not() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let namespace = format!("wait-{}", std::process::id());
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("web.yaml", web(&namespace, "1", 600)),
    ];
    let mut world = World::with(&cluster, "wait", &namespace, &files).await;
    world.agent.run().await.unwrap();
    let (code, out, shown) = sync(&world.agent, &[]).await;
    println!("{out}{shown}");
    assert_eq!(code, Some(0), "{out}{shown}");
    assert!(out.contains(" is healthy\n"), "{out}");
    assert!(!shown.contains('\u{1b}'), "no terminal, no control characters: {shown}");

    let person = world.repo.work_copy().unwrap();
    person.write("web.yaml", &web(&namespace, "2-unpullable", 600)).unwrap();
    person.commit("a tag that nobody pushed").unwrap();
    person.push().unwrap();
    let (code, out, shown) = sync(&world.agent, &["--timeout", "12s"]).await;
    println!("{out}{shown}");
    assert_eq!(code, Some(4), "{out}{shown}");
    assert!(
        out.contains("not healthy yet\n") && out.contains("cannot be pulled"),
        "{out}"
    );
    assert!(
        shown.contains(&format!("Deployment {namespace}/web: progressing: ")),
        "{shown}"
    );

    person.write("web.yaml", &web(&namespace, "3-crash", 5)).unwrap();
    person.commit("a program that crashes").unwrap();
    person.push().unwrap();
    let (code, out, shown) = sync(&world.agent, &[]).await;
    println!("{out}{shown}");
    assert_eq!(code, Some(1), "{out}{shown}");
    let reason = out.split("not healthy\n").nth(1).unwrap_or_default();
    assert!(
        reason.contains("web.yaml: ") && reason.contains("crashes again and again"),
        "{out}"
    );
    let status = world.agent.ask(&["status"]).await;
    assert!(format!("{status:?}").contains("degraded"), "{status:?}");

    person.write("web.yaml", &web(&namespace, "1", 600)).unwrap();
    person.commit("back").unwrap();
    person.push().unwrap();
    let (code, out, _) = sync(&world.agent, &["-o", "json"]).await;
    assert_eq!(code, Some(0), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["version"], 1);
}

#[tokio::test]
async fn a_time_that_is_none_is_refused_before_anything_is_asked() {
    let program = env!("CARGO_BIN_EXE_tidegate");
    for arguments in [
        ["--wait", "--timeout", "soon"],
        ["--wait", "--timeout", "0s"],
        ["--timeout", "5m", "-ojson"],
    ] {
        let output = std::process::Command::new(program)
            .args(["sync", "--token-file", "/nonexistent"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
