use super::scene::{Agent, CONFIGURATION, client};
use crate::http::api::client::ClientError;
use crate::http::{ConfirmCall, LiftCall, NamedObject, Question};
use std::path::Path;
use tokio::net::TcpSocket;

#[tokio::test]
async fn a_client_names_the_reason_of_a_failed_call() {
    let agent = Agent::start().await;
    let token = agent.token.path();

    for server in [
        "localhost:8080",
        "https://127.0.0.1:1",
        "http://",
        "http://u:p@h:1",
        "http://h:1/x",
        "nonsense",
    ] {
        let error = client(server, token).await.err().unwrap();
        assert!(matches!(error, ClientError::Address { .. }), "{server}: {error}");
    }

    let error = client(&agent.url(), Path::new("/nonexistent/token"))
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("cannot read the token file /nonexistent/token"),
        "{error}"
    );

    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "some-other-agents-token").unwrap();
    let error = client(&agent.url(), wrong.path())
        .await
        .unwrap()
        .scan(None)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("--token-file"), "{error}");

    // The port is held, so that nobody else listens on it.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    let error = client(&nobody, token).await.unwrap().sync().await.unwrap_err();
    assert!(error.to_string().contains("is the agent running"), "{error}");
}

#[tokio::test]
async fn a_plan_is_the_running_agents() {
    let agent = Agent::start().await;
    let client = agent.client().await;
    let report = client.plan(&Question::default()).await.unwrap();
    assert_eq!(
        (report.text.as_str(), report.is_well, report.has_changes),
        ("commit 1\n", true, false)
    );
    assert_eq!(report.preview, serde_json::json!({"commit": "1"}));
    assert_eq!(agent.recorder.calls(), ["plan"]);
    assert_eq!(agent.post("/v1/plan", None, "").await.0, 401);
    let question = |digest: &str| Question {
        configuration: Some(digest.to_owned()),
    };
    assert!(client.plan(&question(CONFIGURATION)).await.is_ok());
    let error = client.plan(&question("4567")).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 412, .. }), "{error}");
}

#[tokio::test]
async fn a_command_about_holds_or_deletions_reaches_the_agent_with_the_callers_name() {
    let agent = Agent::start().await;
    let client = agent.client().await;
    let answer = client.holds(&Question::default()).await.unwrap();
    assert_eq!(answer.text, "holds None");
    let call = LiftCall {
        author: Some("Ann <ann@acme.example>".parse().unwrap()),
        objects: vec![NamedObject {
            namespace: None,
            kind: "deployment".to_owned(),
            name: "web".to_owned(),
        }],
        ..LiftCall::default()
    };
    assert_eq!(client.resume(&call).await.unwrap().text, "resume web");
    let answer = client.release(&call).await.unwrap();
    assert_eq!(answer.text, "release by Ann <ann@acme.example>");
    assert_eq!(answer.answer, serde_json::json!({"call": answer.text}));
    let call = ConfirmCall {
        configuration: None,
        author: None,
        commit: "0123abc".parse().unwrap(),
    };
    let error = client.confirm(&call).await.unwrap_err();
    assert_eq!(error.to_string(), "others pushed", "the reason and nothing else");
}
