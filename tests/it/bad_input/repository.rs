//! The config repo cannot be read or written: each failure has its own message, is reported once, and ends without a restart.

use super::scene::{AUTOMATED, SOON, Scene, config_map, counted, logged, readiness, says, told, warnings, workload};
use tidegate_stack::git::Access;
use tidegate_stack::{Agent, ControlPlane, Relay};

const FAILED: &str = "fetch failed";

/// The one warning about the repository, which `tidegate sync` and `tidegate plan` repeat in the same words. `/readyz` names the
/// condition alone.
async fn reported_everywhere(agent: &mut Agent, part: &str) -> String {
    let line = logged(agent, &[FAILED, part]).await;
    let message = line.split_once("error=").unwrap().1.to_owned();
    let ready = readiness(agent, 503, "config repo").await;
    assert!(!ready.contains(part), "{ready}");
    let (code, sync) = told(agent, &["sync"]).await;
    assert_eq!(code, 1, "{sync}");
    says(&sync, &["the config repo could not be fetched", part]);
    let (code, plan) = told(agent, &["plan"]).await;
    assert_eq!(code, 1, "{plan}");
    says(&plan, &[part]);
    assert_eq!(warnings(agent, FAILED).len(), 1, "told once:\n{}", agent.log());
    message
}

async fn scene(name: &str) -> Scene {
    let cluster = ControlPlane::shared().await.unwrap();
    Scene::set(
        &cluster,
        name,
        &[("settings.yaml", config_map(name, "settings", "declared"))],
    )
    .await
}

async fn recovers(scene: &Scene, agent: &mut Agent) {
    scene.applied("settings", "declared").await;
    readiness(agent, 200, "ok").await;
    logged(agent, &["the config repo answers again"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_nobody_serves_is_reported_with_its_address_and_waited_for() {
    let scene = scene("bad-closed").await;
    let mut agent = scene.agent(scene.options(), Access::ReadWrite).await;
    scene.git.stop();
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "cannot reach").await;
    let place = scene.git.addr().to_string();
    says(&message, &[&place, "check repo.url", "the network", "refused"]);
    scene.git.resume().unwrap();
    recovers(&scene, &mut agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_the_connection_and_says_nothing_is_given_up_after_repo_timeout() {
    let scene = scene("bad-silent").await;
    let relay = Relay::start(scene.git.addr()).unwrap();
    relay.stall();
    let options = tidegate_stack::agent::Options {
        repo_url: scene.repo.url_through(relay.addr()),
        known_hosts: scene.git.known_hosts_lines_for(relay.addr()),
        repo_more: "  timeout: 1s\n".into(),
        ..scene.options()
    };
    let mut agent = scene.agent(options, Access::ReadWrite).await;
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "did not answer within 1s").await;
    says(
        &message,
        &[&relay.addr().to_string(), "check repo.url", "raise repo.timeout"],
    );
    relay.heal();
    recovers(&scene, &mut agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_server_does_not_know_is_reported_with_its_fingerprint_and_how_to_print_it() {
    let scene = scene("bad-key").await;
    let mut agent = Agent::prepare(scene.options()).unwrap();
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "does not accept our key").await;
    let (_, identity) = told(&agent, &["identity"]).await;
    let after = identity.split_once("fingerprint ").unwrap().1;
    let fingerprint = after.lines().next().unwrap();
    let place = scene.git.addr().to_string();
    says(
        &message,
        &[
            &place,
            fingerprint,
            scene.git.user(),
            "deploy key with write access",
            "tidegate identity",
        ],
    );
    scene
        .git
        .authorize(identity.lines().next().unwrap(), Access::ReadWrite)
        .unwrap();
    recovers(&scene, &mut agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_key_is_reported_with_the_line_that_makes_it_known() {
    let scene = scene("bad-unknown").await;
    let strange = tidegate_stack::agent::Options {
        known_hosts: Vec::new(),
        ..scene.options()
    };
    let mut agent = scene.agent(strange, Access::ReadWrite).await;
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "is not known").await;
    let (said, line) = message.split_once("add this line to repo.knownHosts: ").unwrap();
    says(said, &[&scene.git.addr().to_string(), "SHA256:", "publishes"]);
    agent.kill();

    let known = tidegate_stack::agent::Options {
        known_hosts: vec![line.trim().to_owned()],
        ..scene.options()
    };
    let mut agent = scene.agent(known, Access::ReadWrite).await;
    agent.run().await.unwrap();
    scene.applied("settings", "declared").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_reported_with_both_and_stops_what_would_speak_to_it() {
    let scene = scene("bad-changed").await;
    let mut agent = scene.running().await;
    scene.applied("settings", "declared").await;
    scene.git.swap_host_keys().unwrap();
    let message = reported_everywhere(&mut agent, "another server may answer in its name").await;
    let place = scene.git.addr().to_string();
    says(&message, &[&place, "(line 1)", "before you change repo.knownHosts"]);
    assert!(message.matches("SHA256:").count() >= 2, "{message}");

    let api = scene.config_maps();
    let gone = api.get("settings").await.unwrap().metadata.uid;
    api.delete("settings", &Default::default()).await.unwrap();
    scene.applied("settings", "declared").await;
    assert_ne!(
        api.get("settings").await.unwrap().metadata.uid,
        gone,
        "what is known is still put back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_or_branch_that_is_not_there_is_named() {
    let scene = scene("bad-branch").await;
    let elsewhere = tidegate_stack::agent::Options {
        repo_url: scene.repo.url().replace("fleet.git", "flet.git"),
        ..scene.options()
    };
    let mut agent = scene.agent(elsewhere, Access::ReadWrite).await;
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "flet.git").await;
    says(&message, &["repo.url"]);
    agent.kill();

    let other = tidegate_stack::agent::Options {
        repo_more: "  branch: live\n".into(),
        ..scene.options()
    };
    let mut agent = scene.agent(other, Access::ReadWrite).await;
    agent.start().unwrap();
    let message = reported_everywhere(&mut agent, "has no branch live").await;
    says(&message, &["main", "repo.branch"]);
    scene.repo.git(&["branch", "live", "main"]).unwrap();
    recovers(&scene, &mut agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_only_read_is_reported_once_while_people_s_commits_are_applied() {
    let name = "bad-readonly";
    let cluster = ControlPlane::shared().await.unwrap();
    let web = workload(
        name,
        "web",
        "shop/web:1.0.0",
        &[AUTOMATED, "tidegate.dev/policy: semver:*"],
    );
    let scene = Scene::set(&cluster, name, &[("web.yaml", web)]).await;
    scene.pushed("shop/web", "1.0.0");
    let mut agent = scene.agent(scene.options(), Access::ReadOnly).await;
    agent.run().await.unwrap();
    scene.runs("web", "1.0.0").await;

    scene.pushed("shop/web", "1.1.0");
    let line = logged(&mut agent, &["the deploy key may not write"]).await;
    says(
        &line,
        &["marked as read only", "give it write access", "tidegate identity"],
    );
    let (code, scan) = told(&agent, &["scan"]).await;
    assert_eq!(code, 1, "{scan}");
    says(&scan, &["the deploy key may not write", "give it write access"]);
    let (_, status) = agent.get("/v1/status").await.unwrap();
    says(&status, &["the deploy key may not write"]);

    scene.commits("More", &[("more.yaml", Some(config_map(name, "more", "by a person")))]);
    scene.applied("more", "by a person").await;
    scene.runs("web", "1.0.0").await;
    counted(&agent, "tidegate_git_push_total{outcome=\"read_only\"}", 4.0).await;
    let loud = warnings(&agent, "may not write");
    assert_eq!(loud.len(), 1, "{loud:#?}");

    let key = agent.identity().await.unwrap();
    scene.git.authorize(&key, Access::ReadWrite).unwrap();
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    scene.runs("web", "1.1.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_refuses_the_push_is_quoted_once_and_the_bump_lands_when_it_lets_go() {
    let name = "bad-hook";
    let cluster = ControlPlane::shared().await.unwrap();
    let web = workload(
        name,
        "web",
        "shop/web:1.0.0",
        &[AUTOMATED, "tidegate.dev/policy: semver:*"],
    );
    let scene = Scene::set(&cluster, name, &[("web.yaml", web)]).await;
    scene.pushed("shop/web", "1.1.0");
    let hook = "#!/bin/sh\necho 'main is frozen until Monday' >&2\nexit 1\n";
    scene.repo.hook("pre-receive", hook).unwrap();
    let mut agent = scene.running().await;
    let line = logged(&mut agent, &["the server refused the push"]).await;
    says(&line, &["main is frozen until Monday", "change the rule that refuses"]);
    counted(&agent, "tidegate_git_push_total{outcome=\"refused\"}", 3.0).await;
    assert_eq!(warnings(&agent, "refused the push").len(), 1, "{}", agent.log());
    scene.repo.remove_hook("pre-receive").unwrap();
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    tokio::time::timeout(SOON, scene.runs("web", "1.1.0")).await.unwrap();
}
