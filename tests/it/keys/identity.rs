use crate::agent::world::{SOON, World};
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{Agent, Options};
use tidegate_stack::git::Access;

fn prepared(url: &str, key: &str) -> Agent {
    Agent::prepare(Options {
        program: env!("CARGO_BIN_EXE_tidegate").into(),
        repo_url: url.to_owned(),
        known_hosts: vec!["# none".to_owned()],
        key: key.to_owned(),
        ..Options::default()
    })
    .unwrap()
}

#[tokio::test]
async fn identity_prints_the_line_alone_and_on_stderr_where_to_paste_it() {
    let agent = prepared("git@github.com:acme/fleet.git", "");
    let ended = agent.call(&["identity"]).await.unwrap();
    let (out, err) = (
        String::from_utf8(ended.stdout).unwrap(),
        String::from_utf8(ended.stderr).unwrap(),
    );
    assert!(ended.status.success(), "{err}");
    assert_eq!(out.lines().count(), 1);
    assert!(out.starts_with("ssh-ed25519 ") && out.ends_with(" tidegate\n"), "{out}");
    for part in [
        "fingerprint SHA256:",
        "https://github.com/acme/fleet/settings/keys/new",
        "Allow write access",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let json: serde_json::Value = serde_json::from_str(&agent.ask(&["identity", "-o", "json"]).await.unwrap()).unwrap();
    assert_eq!(json["publicKey"], out.trim_end());
    assert_eq!(json["page"], "https://github.com/acme/fleet/settings/keys/new");
}

#[tokio::test]
async fn the_kind_of_key_is_what_is_asked_for_or_what_the_forge_takes() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    for (url, key, start) in [
        (
            "ssh://APKA0123@git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet",
            format!("{{file: {}}}", file("codecommit")),
            "ssh-rsa ",
        ),
        (
            "git@git.acme.example:ops/fleet.git",
            format!("{{file: {}, type: ecdsa}}", file("ecdsa")),
            "ecdsa-sha2-nistp256 ",
        ),
        (
            "git@git.acme.example:ops/fleet.git",
            format!("{{file: {}, type: ecdsa-p384}}", file("p384")),
            "ecdsa-sha2-nistp384 ",
        ),
    ] {
        let line = prepared(url, &key).identity().await.unwrap();
        assert!(line.starts_with(start), "{url}: {line}");
        if start == "ssh-rsa " {
            assert!(line.len() > 700, "4096 bits: {line}");
        }
    }
}

#[tokio::test]
async fn a_key_in_a_file_is_not_changed_and_the_steps_are_reported() {
    let agent = prepared("git@github.com:acme/fleet.git", "");
    agent.identity().await.unwrap();
    let ended = agent.call(&["identity", "--rotate"]).await.unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    for part in [&agent.key_file().display().to_string(), "ssh-keygen", "write access"] {
        assert!(err.contains(part), "{part}: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_key_syncs_and_bumps_as_soon_as_it_may_write() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "readonly", "1111aaa").await;
    let key = world.agent.identity().await.unwrap();
    world.git.authorize(&key, Access::ReadOnly).unwrap();
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    said(&world, "the deploy key may only read: the repository is applied").await;
    let log = world.agent.log();
    let warned = log
        .lines()
        .filter(|line| line.contains("the deploy key may only read: "));
    assert_eq!(warned.clone().count(), 1, "told once:\n{log}");
    let line = warned.clone().next().unwrap_or_default();
    assert!(
        line.contains("marked as read only") && line.contains("with write access"),
        "{line}"
    );
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    assert!(metrics.contains("tidegate_repo_access{right=\"read\"} 1"), "{metrics}");
    assert!(metrics.contains("tidegate_repo_access{right=\"write\"} 0"), "{metrics}");
    let scanned = world.agent.call(&["scan"]).await.unwrap();
    let scanned = String::from_utf8(scanned.stdout).unwrap();
    assert!(scanned.contains("may not write"), "{scanned}");

    // What people push is still applied.
    let copy = world.repo.work_copy().unwrap();
    let text = copy.read("apps/web.yaml").unwrap();
    copy.write("apps/web.yaml", &text.replace("replicas: 0", "replicas: 1"))
        .unwrap();
    copy.commit("One replica").unwrap();
    copy.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(world.deployments().get("web").await.unwrap().spec.replicas, Some(1));

    world.git.authorize(&key, Access::ReadWrite).unwrap();
    world.runs("2222bbb").await;
    said(&world, "the deploy key may read and write").await;
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    assert!(metrics.contains("tidegate_repo_access{right=\"write\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_start_the_agent_reports_whether_this_is_the_repository_it_was_on() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "arrival", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    said(&world, "the repository is read for the first time").await;
    world.agent.stop().await.unwrap();
    world.agent.run().await.unwrap();
    said(&world, "the repository continues from the commit that was applied last").await;
    world.agent.stop().await.unwrap();

    let other = world.git.create_repo("other").unwrap();
    other.seed(&[("README.md", "# of an app\n")]).unwrap();
    world
        .agent
        .configure(|options| options.repo_url = other.url().to_owned())
        .unwrap();
    world.agent.start().unwrap();
    said(&world, "declares no Kubernetes object where it is read").await;
    said(&world, "there=README.md").await;
    said(&world, "does not contain the commit that was applied last").await;
    assert!(world.live_image().await.ends_with(":1111aaa"), "nothing is pruned");
    world.agent.stop().await.unwrap();

    let empty = world.git.create_repo("empty").unwrap();
    let fleet = world.repo.url().to_owned();
    for (url, more, words) in [
        (
            empty.url(),
            "",
            "has no branch main (it is empty); push it first, or set repo.branch",
        ),
        (
            &fleet,
            "  branch: production\n",
            "has no branch production (there is main); push it first, or set repo.branch",
        ),
        (
            &fleet,
            "  paths: [app]\n",
            "of repo.paths it does not have app; are repo.url, repo.branch and repo.paths right?",
        ),
        (
            &fleet,
            "  paths: [apps, releases]\n",
            "of repo.paths the repository does not have releases; correct repo.paths",
        ),
    ] {
        world
            .agent
            .configure(|options| (options.repo_url, options.repo_more) = (url.to_owned(), more.to_owned()))
            .unwrap();
        world.agent.start().unwrap();
        said(&world, words).await;
        world.agent.stop().await.unwrap();
    }
    let log = world.agent.log();
    assert!(log.contains("there=apps, namespace.yaml"), "{log}");
    assert!(world.live_image().await.ends_with(":1111aaa"), "nothing is pruned");
}

async fn said(world: &World, words: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !world.agent.log().contains(words) {
        let log = world.agent.log();
        assert!(tokio::time::Instant::now() < deadline, "never said {words:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
