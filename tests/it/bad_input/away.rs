//! The API server away, or without the agent's own namespace: bumps go on, and what is due is applied once it is there.

use super::scene::{AUTOMATED, Scene, config_map, counted, logged, readiness, says, told, warnings, workload};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tidegate_stack::control_plane::Options;
use tidegate_stack::git::Access;
use tidegate_stack::{ControlPlane, Process};

/// A server of its own: it is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_is_reported_once_while_bumps_go_on_and_is_caught_up_with_without_a_restart() {
    let name = "bad-away";
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let web = workload(
        name,
        "web",
        "shop/web:1.0.0",
        &[AUTOMATED, "tidegate.dev/policy: semver:*"],
    );
    let files = [
        ("web.yaml", web),
        ("settings.yaml", config_map(name, "settings", "before")),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    scene.pushed("shop/web", "1.0.0");
    let mut agent = scene.running().await;
    scene.runs("web", "1.0.0").await;

    cluster.stop_api_server();
    scene.pushed("shop/web", "1.1.0");
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    let line = logged(&mut agent, &["WARN", "cannot be reached"]).await;
    says(&line, &[&cluster.url(), "tidegate continues when the server answers"]);
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 1, "{sync}");
    says(&sync, &[&cluster.url(), "cannot be reached"]);
    readiness(&agent, 503, "sync/").await;
    assert_eq!(
        agent.get("/healthz").await.unwrap().0,
        200,
        "away is no reason to be restarted"
    );
    scene.commits(
        "By a person",
        &[("settings.yaml", Some(config_map(name, "settings", "after")))],
    );
    scene.pushed("shop/web", "1.2.0");
    scene.committed("web.yaml", "shop/web:1.2.0").await;
    // Tries that grow further apart: well over ten seconds.
    counted(
        &agent,
        "tidegate_loop_passes_total{loop=\"sync\",target=\"here\",outcome=\"failed\"}",
        8.0,
    )
    .await;

    cluster.start_api_server().await.unwrap();
    scene.runs("web", "1.2.0").await;
    scene.applied("settings", "after").await;
    readiness(&agent, 200, "ok").await;
    logged(&mut agent, &["INFO", "the API server answers again"]).await;
    let loud = warnings(&agent, "");
    assert_eq!(loud.len(), 1, "told once: {loud:#?}");
    assert!(agent.process().is_ok_and(Process::is_running));
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 0, "{sync}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_s_own_namespace_is_asked_for_by_name_and_found_once_it_is_made() {
    let name = "bad-home";
    let cluster = ControlPlane::shared().await.unwrap();
    let scene = Scene::set(
        &cluster,
        name,
        &[("settings.yaml", config_map(name, "settings", "declared"))],
    )
    .await;
    let mut options = scene.options();
    options.env.push(("POD_NAMESPACE".into(), "bad-nowhere".into()));
    let mut agent = scene.agent(options, Access::ReadWrite).await;
    agent.start().unwrap();
    let line = logged(&mut agent, &["WARN", "bad-nowhere"]).await;
    let wanted = [
        "namespace bad-nowhere does not exist",
        "kubectl create namespace bad-nowhere",
    ];
    says(&line, &wanted);
    readiness(&agent, 503, "sync/").await;
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 1, "{sync}");
    says(&sync, &wanted);
    assert_eq!(warnings(&agent, "bad-nowhere").len(), 1, "{}", agent.log());

    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("bad-nowhere".into());
    Api::<Namespace>::all(scene.client.clone())
        .create(&Default::default(), &namespace)
        .await
        .unwrap();
    scene.applied("settings", "declared").await;
    readiness(&agent, 200, "ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_key_for_a_namespace_that_is_not_there_is_asked_for_by_name() {
    let name = "bad-key-home";
    let cluster = ControlPlane::shared().await.unwrap();
    let scene = Scene::set(&cluster, name, &[]).await;
    let mut options = scene.options();
    options.env.push(("POD_NAMESPACE".into(), "bad-no-home".into()));
    let agent = tidegate_stack::Agent::prepare(options).unwrap();
    let text = std::fs::read_to_string(agent.config_file()).unwrap();
    let file = format!("{{file: {}}}", agent.key_file().display());
    assert!(text.contains(&file), "{text}");
    std::fs::write(agent.config_file(), text.replace(&file, "{secret: deploy}")).unwrap();
    for command in ["identity", "run"] {
        let (code, said) = told(&agent, &[command]).await;
        assert_eq!(code, 1, "{said}");
        says(
            &said,
            &[
                "Secret bad-no-home/deploy",
                "namespace bad-no-home does not exist",
                "kubectl create namespace bad-no-home",
            ],
        );
    }
}
