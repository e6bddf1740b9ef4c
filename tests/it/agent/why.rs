//! `tidegate why`: every tag of an object's images, and what speaks for or against it.

use super::world::{HOST, SOON, World, deployment, namespace_file};
use serde_json::Value;
use std::process::{Command, Output};
use tidegate_stack::ControlPlane;

/// Asks the running agent: the command cannot make a clone of its own.
async fn call(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = world.agent.command(&[&["why"], arguments].concat());
    command.env("TMPDIR", "/nonexistent");
    ended(command).await
}

async fn ended(command: Command) -> (bool, String) {
    let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
    let Output { status, stdout, stderr } = tokio::time::timeout(SOON, ended).await.unwrap().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.success(), text)
}

/// The line of the table that is about a tag.
fn line<'a>(text: &'a str, tag: &str) -> &'a str {
    let mut lines = text.lines();
    let is_about = |line: &&str| line.split_whitespace().take(2).any(|word| word == tag);
    lines
        .find(is_about)
        .unwrap_or_else(|| panic!("no line about {tag}:\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tag_of_an_image_is_shown_with_what_speaks_for_or_against_it() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("why-{}", std::process::id());
    let policy = "fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.web: semver:~1";
    let web = deployment(&namespace, "1.0.0").replace("fluxcd.io/automated: \"true\"", policy);
    let manual = deployment(&namespace, "1.0.0")
        .replace("name: web\n  namespace", "name: manual\n  namespace")
        .replace("fluxcd.io/automated: \"true\"", "team: shop");
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("apps/web.yaml", web),
        ("apps/manual.yaml", manual),
    ];
    let mut world = World::with(&cluster, "why", &namespace, &files).await;
    let registries = format!("registries:\n- {{host: {HOST}, exclude: [\"shop/web:*.9\"]}}\n");
    world
        .agent
        .configure(|options| options.registries = registries)
        .unwrap();
    for tag in ["1.0.0", "1.1.0", "1.2.9", "2.0.0", "main-7"] {
        world.ecr.push_tag("shop/web", tag).unwrap();
    }
    world.agent.run().await.unwrap();
    world.runs("1.1.0").await;

    let (is_well, text) = call(&world, &["deploy/web"]).await;
    assert!(is_well, "{text}");
    assert!(
        text.contains(&format!("Deployment {namespace}/web web (apps/web.yaml:")),
        "{text}"
    );
    assert!(text.contains("policy  semver:~1\n"), "{text}");
    for (tag, standing) in [
        ("1.1.0", "current"),
        ("1.0.0", "not newer"),
        ("2.0.0", "no match"),
        ("main-7", "no match"),
        ("1.2.9", "excluded"),
    ] {
        let line = line(&text, tag);
        assert!(line.contains(standing), "{tag}: {line}");
        assert!(line.contains("20"), "the time of the push: {line}");
    }

    // What was taken back is held, and the agent says so also when it is asked apart from the running one.
    let person = world.repo.work_copy().unwrap();
    person.revert(&world.repo.tip().unwrap().unwrap()).unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let (_, asked) = call(&world, &["-n", &namespace, "deployments/web"]).await;
    assert!(line(&asked, "1.1.0").contains("held"), "{asked}");
    let mut command = world.agent.command(&["why", "deploy/web"]);
    command.env_remove("TIDEGATE_SERVER");
    let (_, apart) = ended(command).await;
    assert!(line(&apart, "1.1.0").contains("held"), "{apart}");

    let (_, short) = call(&world, &["deploy/web", "--tags", "1"]).await;
    assert!(
        short.contains("  4 more tags (1 current, 2 no match, 1 excluded); --tags 0 shows all\n"),
        "{short}"
    );
    let (_, json) = call(&world, &["deploy/web", "-o", "json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fields"][0]["tags"].as_array().unwrap().len(), 5, "{json}");
    assert_eq!(json["fields"][0]["outcome"], "held", "{json}");

    // Of the tags that nothing speaks against, the agent takes the first.
    world.agent.stop().await.unwrap();
    for tag in ["1.3.0", "1.4.0"] {
        world.ecr.push_tag("shop/web", tag).unwrap();
    }
    let mut command = world.agent.command(&["why", "deploy/web"]);
    command.env_remove("TIDEGATE_SERVER");
    let (_, text) = ended(command).await;
    let taken: Vec<&str> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("->"))
        .collect();
    assert!(matches!(&*taken, [line] if line.contains(" 1.4.0 ")), "{text}");
    let standing = |tag: &str| line(&text, tag).split_whitespace().collect::<Vec<_>>();
    assert!(standing("1.3.0").contains(&"eligible"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_automated_or_not_there_is_said_with_what_to_do() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("whynot-{}", std::process::id());
    let manual = deployment(&namespace, "1.0.0").replace("fluxcd.io/automated: \"true\"", "team: shop");
    let broken = deployment(&namespace, "1.0.0")
        .replace("name: web\n  namespace", "name: broken\n  namespace")
        .replace(
            "fluxcd.io/automated: \"true\"",
            "fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.web: semver:newest",
        );
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("web.yaml", manual),
        ("broken.yaml", broken),
    ];
    let mut world = World::with(&cluster, "whynot", &namespace, &files).await;
    world.ecr.push_tag("shop/web", "1.0.0").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1.0.0").await;
    let (is_well, text) = call(&world, &["deployment/web"]).await;
    assert!(
        is_well && text.contains("annotate the object with tidegate.dev/automated: \"true\""),
        "{text}"
    );
    let (is_well, text) = call(&world, &[&format!("namespace/{namespace}")]).await;
    assert!(is_well && text.contains("the object names no image"), "{text}");
    let (is_well, text) = call(&world, &["deployment/broken"]).await;
    assert!(
        is_well && text.contains("newest"),
        "the policy that cannot be used: {text}"
    );
    let (is_well, text) = call(&world, &["sts/web"]).await;
    assert!(!is_well, "{text}");
    let expected = format!("of that name are: Deployment {namespace}/web");
    assert!(
        text.contains("declares no statefulset/web") && text.contains(&expected),
        "{text}"
    );
}
