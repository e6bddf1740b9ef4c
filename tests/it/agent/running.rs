//! Commands that run beside the agent, as `kubectl exec` starts them: the agent answers, from what it has. These commands have
//! no folder for a clone, so that they fail where they do not ask the agent.

use super::world::{HOST, SOON, World, deployment, namespace_file, twelve_maps};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::Agent;
use tidegate_stack::ecr::Fault;

const ANN: &str = "Ann <ann@acme.example>";

/// Runs a command that cannot make a clone.
async fn in_pod(agent: &Agent, arguments: &[&str]) -> Output {
    let mut command = agent.command(arguments);
    command.env("TMPDIR", "/nonexistent");
    let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
    tokio::time::timeout(SOON, ended).await.unwrap().unwrap()
}

async fn answer(agent: &Agent, arguments: &[&str]) -> Value {
    let output = in_pod(agent, &[arguments, &["-o", "json"]].concat()).await;
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["version"], 1);
    answer
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An agent whose bump was taken back.
async fn reverted(cluster: &ControlPlane, name: &str) -> (World, String) {
    let mut world = World::prepare(cluster, name, "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    let person = world.repo.work_copy().unwrap();
    let revert = person.revert(&world.repo.tip().unwrap().unwrap()).unwrap();
    person.push().unwrap();
    (world, revert)
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_listed_and_lifted_by_the_agent_in_the_callers_name() {
    let cluster = ControlPlane::shared().await.unwrap();
    let (mut world, revert) = reverted(&cluster, "beside").await;
    // The agent polls once in an hour: the command sees the revert all the same.
    let held = answer(&world.agent, &["holds"]).await;
    assert_eq!(held["holds"][0]["rejected"], json!(["2222bbb"]));
    assert_eq!(held["holds"][0]["since"]["commit"], json!(revert));
    let table = in_pod(&world.agent, &["holds"]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.starts_with("FIELD") && table.contains("2222bbb"), "{table}");

    let refused = in_pod(&world.agent, &["resume", "deployment/wbe"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let expected = format!(
        "tidegate: there is no image field of deployment/wbe; held are: Deployment {}/web web\n",
        world.namespace
    );
    assert!(words(&refused).ends_with(&expected), "{}", words(&refused));

    let lifted = answer(&world.agent, &["release", "deploy/web", "--author", ANN]).await;
    let commit = &world.repo.log().unwrap()[0];
    assert_eq!(lifted["commit"], json!(commit.id));
    assert_eq!(commit.author, ANN);
    let committer = world.repo.git(&["log", "-1", "--format=%cn", "main"]).unwrap();
    assert_eq!(committer.trim(), "Tidegate", "the agent made it");
    world.runs("2222bbb").await;
    assert_eq!(answer(&world.agent, &["holds"]).await["holds"], json!([]));
    let nothing = in_pod(&world.agent, &["resume", "--all", "--author", ANN]).await;
    let nothing = String::from_utf8(nothing.stdout).unwrap();
    assert!(nothing.contains("there is nothing to lift"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_confirmed_by_the_agent_in_the_callers_name() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("asked-{}", std::process::id());
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("maps.yaml", twelve_maps(&namespace)),
    ];
    let mut world = World::with(&cluster, "asked", &namespace, &files).await;
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let person = world.repo.work_copy().unwrap();
    person.remove("maps.yaml").unwrap();
    let removal = person.commit("Remove the maps").unwrap();
    person.push().unwrap();
    world.agent.call(&["sync"]).await.unwrap();

    let plan = in_pod(&world.agent, &["plan"]).await;
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(
        plan.contains(&format!("run `tidegate confirm {}`", &removal[..7])),
        "{plan}"
    );
    let wrong = in_pod(&world.agent, &["confirm", "0000000"]).await;
    assert!(
        words(&wrong).contains("not what waited at 0000000"),
        "{}",
        words(&wrong)
    );
    let confirmed = answer(&world.agent, &["confirm", &removal[..7], "--author", ANN]).await;
    assert_eq!(confirmed["objects"].as_array().unwrap().len(), 12, "{confirmed}");
    assert_eq!(world.repo.log().unwrap()[0].author, ANN);
    let synced = world.agent.ask(&["sync"]).await.unwrap();
    assert!(!synced.contains("wait"), "{synced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_is_not_answered_by_the_agent() {
    let cluster = ControlPlane::shared().await.unwrap();
    let (world, _) = reverted(&cluster, "other").await;
    let own = std::fs::read_to_string(world.agent.config_file()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.yaml");
    std::fs::write(&other, own + "automation: {enabled: false}\n").unwrap();
    let other = other.display().to_string();
    for arguments in [&["plan"][..], &["holds"]] {
        let arguments = [arguments, &["--config", &other]].concat();
        let here = world.agent.call(&arguments).await.unwrap();
        assert!(here.status.success(), "{}", words(&here));
        let expected =
            format!("runs with another configuration than {other}; this process reads the repository itself");
        assert!(words(&here).contains(&expected), "{}", words(&here));
        let apart = in_pod(&world.agent, &arguments).await;
        assert_eq!(
            apart.status.code(),
            Some(1),
            "the agent must not answer: {}",
            words(&apart)
        );
    }
    let plan = world.agent.ask(&["plan", "--config", &other]).await.unwrap();
    assert!(!plan.contains("bump "), "{plan}");
}

/// The scan loop and a plan list the same registry at the same time. Its rate, and the number of repositories that are read at
/// once, count for both together.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_the_scans_share_the_limits_of_a_registry() {
    const REPOSITORIES: usize = 24;
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("share-{}", std::process::id());
    let apps: String = (0..REPOSITORIES)
        .map(|n| {
            let app = deployment(&namespace, "1").replace("shop/web", &format!("shop/app{n:02}"));
            format!(
                "---\n{}",
                app.replace("name: web\n  namespace", &format!("name: app{n}\n  namespace"))
            )
        })
        .collect();
    let files = [("namespace.yaml", namespace_file(&namespace)), ("apps.yaml", apps)];
    let mut world = World::with(&cluster, "share", &namespace, &files).await;
    assert_eq!(world.ecr.default_host(), HOST);
    let names: Vec<String> = (0..REPOSITORIES).map(|n| format!("shop/app{n:02}")).collect();
    for name in &names {
        world.ecr.push_tag(name, "1").unwrap();
    }
    let start = world.ecr.mark();
    let slow = Fault::delay(Duration::from_millis(500)).on("DescribeImages");
    world.ecr.fault(slow);
    world.agent.run().await.unwrap();
    let first = world
        .ecr
        .wait_for_requests(&start, "DescribeImages", &names[0], 1, SOON);
    first.await.unwrap();
    let plan = in_pod(&world.agent, &["plan"]).await;
    assert!(plan.status.success(), "{}", words(&plan));
    for name in &names {
        let twice = world.ecr.wait_for_requests(&start, "DescribeImages", name, 2, SOON);
        twice.await.unwrap();
    }
    assert!(world.ecr.most_at_once() <= 8, "{} at once", world.ecr.most_at_once());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_between_cluster_and_repository_is_an_exit_code() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "differs", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let same = in_pod(&world.agent, &["diff"]).await;
    let text = String::from_utf8(same.stdout.clone()).unwrap();
    assert_eq!(same.status.code(), Some(0), "{text}{}", words(&same));
    assert!(text.ends_with("2 objects are as declared\n"), "{text}");
    let head = world.repo.tip().unwrap().unwrap();

    let person = world.repo.work_copy().unwrap();
    let path = "apps/web.yaml";
    let edited = person
        .read(path)
        .unwrap()
        .replace("replicas: 0", "replicas: 0\n  paused: true");
    person.write(path, &edited).unwrap();
    person.commit("pause").unwrap();
    person.push().unwrap();
    // The agent fetches for the answer, and its loop may apply the commit in the same moment: the commit before differs then.
    world.agent.ask(&["sync"]).await.unwrap();
    let differs = in_pod(&world.agent, &["diff", "--commit", &head, "--color", "always"]).await;
    let text = String::from_utf8(differs.stdout.clone()).unwrap();
    assert_eq!(differs.status.code(), Some(2), "{text}{}", words(&differs));
    assert!(text.contains("\u{1b}[31m  - spec.paused: true\u{1b}[0m"), "{text}");
    let json = in_pod(&world.agent, &["diff", "--commit", &head, "-o", "json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        json["objects"][0]["fields"],
        json!([{"field": "spec.paused", "before": "true", "after": null}])
    );
    let unknown = in_pod(&world.agent, &["diff", "--commit", "0123456"]).await;
    assert_eq!(unknown.status.code(), Some(1));
}
