use super::scene::{Agent, client};
use crate::http::api::client::ClientError;
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
    let report = agent.client().await.plan().await.unwrap();
    assert_eq!(
        (report.text.as_str(), report.is_well, report.has_changes),
        ("commit 1\n", true, false)
    );
    assert_eq!(report.preview, serde_json::json!({"commit": "1"}));
    assert_eq!(agent.recorder.calls(), ["plan"]);
    assert_eq!(agent.post("/v1/plan", None, "").await.0, 401);
}
