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
    // The pods of the tag before may still be there.
    assert!(!reason.contains("cannot be pulled"), "{out}");
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

/// A workload of this kind with one pod.
fn runs(kind: &str, namespace: &str, tag: &str) -> String {
    let name = kind.to_lowercase();
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers: [{{name: web, image: \"{HOST}/shop/{name}:{tag}\"}}]\n"
    )
}

/// Waits until the reasons for which the head is not healthy name each of these.
async fn is_not_healthy_for(agent: &Agent, reasons: &[&str]) -> String {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let (_, out, shown) = sync(agent, &["--timeout", "7s"]).await;
        let reason = out.split("not healthy yet\n").nth(1).unwrap_or_default();
        if reasons.iter().all(|expected| reason.contains(expected)) {
            return reason.to_owned();
        }
        assert!(tokio::time::Instant::now() < deadline, "{out}{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_an_earlier_revision_is_named_only_where_it_stands_in_the_way_and_as_what_it_is() {
    const KINDS: [&str; 2] = ["StatefulSet", "DaemonSet"];
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let namespace = format!("revisions-{}", std::process::id());
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("StatefulSet.yaml", runs("StatefulSet", &namespace, "1")),
        ("DaemonSet.yaml", runs("DaemonSet", &namespace, "1")),
    ];
    let mut world = World::with(&cluster, "revisions", &namespace, &files).await;
    world.agent.run().await.unwrap();
    let (code, out, shown) = sync(&world.agent, &[]).await;
    assert_eq!(code, Some(0), "{out}{shown}");
    let person = world.repo.work_copy().unwrap();
    let push = |tag: &str| {
        for kind in KINDS {
            person
                .write(&format!("{kind}.yaml"), &runs(kind, &namespace, tag))
                .unwrap();
        }
        person.commit(tag).unwrap();
        person.push().unwrap();
    };
    push("2-unpullable");
    let unpullable = [
        "shop/statefulset:2-unpullable cannot",
        "shop/daemonset:2-unpullable cannot",
    ];
    let reason = is_not_healthy_for(&world.agent, &unpullable).await;
    assert!(!reason.contains("earlier revision"), "{reason}");
    // A DaemonSet replaces its broken pod. A StatefulSet waits for it.
    push("3-crash");
    let expected = [
        "pod statefulset-0 of an earlier revision",
        unpullable[0],
        "crashes again and again",
    ];
    let reason = is_not_healthy_for(&world.agent, &expected).await;
    assert!(!reason.contains(unpullable[1]), "{reason}");
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
