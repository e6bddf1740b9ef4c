//! The agent on an HTTPS address: a login instead of the deploy key, and a key of its own for signatures.

use crate::agent::world::{SOON, World};
use std::path::PathBuf;
use std::time::Duration;
use tidegate::git::DeployKey;
use tidegate_stack::ControlPlane;
use tidegate_stack::git::Access;

fn file(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.agent.dir().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

async fn said(world: &World, words: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !world.agent.log().contains(words) {
        let log = world.agent.log();
        assert!(tokio::time::Instant::now() < deadline, "never said {words:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_token_is_reported_at_the_start_and_signed_bumps_land_once_it_may_write() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "https", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    let web = world.git.web(true).unwrap();
    web.only_token("secret-of-the-forge", Access::ReadOnly);
    let signer = DeployKey::generate().unwrap_or_else(|error| panic!("{error}"));
    let signing = file(&world, "signing", signer.private_text().expose());
    file(&world, "login/bearerToken", "secret-of-the-forge\n");
    let ca = file(&world, "ca.crt", web.authority());
    let login = world.agent.dir().join("login");
    world
        .agent
        .configure(|options| {
            options.repo_url = web.url("fleet");
            options.known_hosts.clear();
            options.repo_more = format!(
                "  http: {{credentials: {}, caFile: {}}}\n",
                login.display(),
                ca.display()
            );
            options.more += &format!("automation: {{signing: {{file: {}}}}}\n", signing.display());
        })
        .unwrap();

    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    said(&world, "the login may only read: the repository is applied").await;
    let log = world.agent.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("the login may only read: "))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    for part in ["Write access to repository not granted", "repo.http"] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    for line in [
        "tidegate_repo_access{right=\"read\"} 1",
        "tidegate_repo_access{right=\"write\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(world.repo.log().unwrap().len(), 1);

    web.only_token("secret-of-the-forge", Access::ReadWrite);
    said(&world, "the login may read and write").await;
    world.runs("2222bbb").await;

    let shown = world.agent.call(&["identity"]).await.unwrap();
    let (line, beside) = (
        String::from_utf8(shown.stdout).unwrap(),
        String::from_utf8(shown.stderr).unwrap(),
    );
    assert_eq!(line.trim(), signer.public_line("tidegate"));
    let listed = signer.allowed_signer_line("tidegate");
    assert!(
        beside.contains("an HTTPS address has no deploy key") && beside.contains(&listed),
        "{beside}"
    );
    let signers = file(&world, "signers", &format!("{listed}\n"));
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    world.repo.git(&["-c", &setting, "verify-commit", "main"]).unwrap();
    world.repo.git(&["fsck", "--strict"]).unwrap();
    let log = world.agent.log();
    assert!(!log.contains("secret-of-the-forge"), "{log}");
}

#[tokio::test]
async fn the_deploy_key_cannot_sign_where_there_is_none() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "https-not", "1111aaa").await;
    world
        .agent
        .configure(|options| {
            options.repo_url = "https://git.acme.example/fleet.git".to_owned();
            options.more += "automation: {signing: {deployKey: true}}\n";
        })
        .unwrap();
    let ended = world.agent.call(&["run"]).await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success());
    for part in [
        "automation.signing.deployKey",
        "an HTTPS address has no deploy key",
        "secret or file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
