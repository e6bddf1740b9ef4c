//! `tidegate scan` and `tidegate sync` that cannot be served: who is asked, what is wrong, what to do.

use super::scene::{AUTOMATED, HOST, Scene, says, told, workload};
use tidegate_stack::{Agent, ControlPlane};

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_an_agent_or_a_token_say_where_they_asked() {
    let agent = Agent::prepare(tidegate_stack::agent::Options {
        program: env!("CARGO_BIN_EXE_tidegate").into(),
        ..Default::default()
    })
    .unwrap();
    for command in ["scan", "sync"] {
        let (code, text) = told(&agent, &[command]).await;
        assert_eq!(code, 1, "{text}");
        says(
            &text,
            &[&agent.server(), "is the agent running", "HTTP port", "refused"],
        );
        let (code, text) = told(&agent, &[command, "--token-file", "nowhere/token"]).await;
        assert_eq!(code, 1, "{text}");
        says(&text, &["cannot read the token file nowhere/token"]);
        let (code, text) = told(&agent, &[command, "--server", "agent:8080"]).await;
        assert_eq!(code, 1, "{text}");
        says(&text, &["\"agent:8080\"", "expected http://host:port"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_a_repository_that_nobody_names_is_reported_with_those_that_are() {
    let name = "bad-commands";
    let cluster = ControlPlane::shared().await.unwrap();
    let web = workload(name, "web", "shop/web:1.0.0", &[AUTOMATED]);
    let scene = Scene::set(&cluster, name, &[("web.yaml", web)]).await;
    scene.pushed("shop/web", "1.0.0");
    let agent = scene.running().await;

    let wrong = agent.dir().join("another-token");
    std::fs::write(&wrong, "a-token-of-another-agent\n").unwrap();
    for command in ["scan", "sync"] {
        let (code, text) = told(&agent, &[command, "--token-file", wrong.to_str().unwrap()]).await;
        assert_eq!(code, 1, "{text}");
        says(&text, &[&agent.server(), "rejected the token", "--token-file"]);
        assert!(!text.contains("a-token-of"), "no token is shown: {text}");
    }

    let (code, text) = told(&agent, &["scan", &format!("{HOST}/shop/wbe")]).await;
    assert_eq!(code, 1, "{text}");
    says(
        &text,
        &[
            &format!("no automated image field names {HOST}/shop/wbe"),
            &format!("those named are: {HOST}/shop/web"),
        ],
    );
    let (code, text) = told(&agent, &["scan", &format!("{HOST}/shop/web:1.0.0")]).await;
    assert_eq!(code, 1, "{text}");
    says(&text, &["give the repository without tag and digest"]);
}
