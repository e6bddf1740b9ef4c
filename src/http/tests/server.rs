use super::scene::{Agent, http};
use crate::http::ServerLimits;
use crate::http::api::client::ClientError;
use crate::telemetry::Metrics;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn health_and_readiness_name_the_reasons() {
    let agent = Agent::start().await;
    assert_eq!(agent.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(agent.get("/readyz").await, (200, "ok\n".into()));
    *agent.probes.stuck.lock().unwrap() = vec!["scan: no progress for 12m".into()];
    *agent.probes.not_ready.lock().unwrap() = vec!["the repository has not been fetched".into(), "second".into()];
    assert_eq!(agent.get("/healthz").await, (503, "scan: no progress for 12m\n".into()));
    assert_eq!(
        agent.get("/readyz").await,
        (503, "the repository has not been fetched\nsecond\n".into())
    );
}

#[tokio::test]
async fn metrics_are_served() {
    let agent = Agent::start().await;
    agent.metrics.bumped(3);
    let answer = http().get(agent.url() + "/metrics").send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, Metrics::MEDIA_TYPE);
    let text = answer.text().await.unwrap();
    assert!(text.contains("\ntidegate_bumps_total 3\n"), "{text}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let agent = Agent::start().await;
    assert_eq!(agent.get("/").await.0, 404);
    assert_eq!(agent.get("/v1/apply").await.0, 404);
    assert_eq!(agent.post("/metrics", None, "").await.0, 405);
}

#[tokio::test]
async fn a_call_in_flight_at_shutdown_is_answered_and_the_server_ends() {
    let agent = Agent::start().await;
    let call = {
        let client = agent.client().await;
        tokio::spawn(async move { client.scan(Some("registry:5000/wait")).await })
    };
    agent.recorder.arrived.notified().await;
    agent.stop.send(()).unwrap();
    agent.recorder.release.notify_one();
    assert!(call.await.unwrap().unwrap().ok);
    let ended = tokio::time::timeout(Duration::from_secs(5), agent.server).await;
    ended.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(agent.address).await.is_err());
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_is_closed() {
    let limits = ServerLimits {
        drain: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let agent = Agent::start_with(limits, true).await;
    let client = agent.client().await;
    let call = tokio::spawn(async move { client.scan(Some("registry:5000/wait")).await });
    agent.recorder.arrived.notified().await;
    agent.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), agent.server).await;
    ended.unwrap().unwrap().unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn an_endless_header_section_is_refused() {
    let agent = Agent::start().await;
    let mut stream = TcpStream::connect(agent.address).await.unwrap();
    let flood = format!("GET /healthz HTTP/1.1\r\nx: {}", "a".repeat(64 << 10));
    let _ = stream.write_all(flood.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
}
