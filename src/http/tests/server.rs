use super::scene::{Agent, FixedProbes, http};
use crate::http::api::client::ClientError;
use crate::http::{ServerLimits, serve_probes};
use crate::telemetry::Metrics;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[tokio::test]
async fn health_and_readiness_name_the_reasons() {
    let agent = Agent::start().await;
    assert_eq!(agent.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(agent.get("/readyz").await, (200, "ok\n".into()));
    *agent.probes.partial.lock().unwrap() = vec!["sync/here".into()];
    assert_eq!(agent.get("/readyz").await, (200, "ok\npartial: sync/here\n".into()));
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

#[tokio::test]
async fn idle_connections_of_one_peer_leave_room_for_others_and_are_closed() {
    let agent = Agent::start().await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(agent.address).await.unwrap());
    }
    let other = reqwest::Client::builder()
        .no_proxy()
        .local_address("127.0.0.2".parse::<IpAddr>().unwrap());
    let request = other
        .build()
        .unwrap()
        .get(agent.url() + "/healthz")
        .timeout(Duration::from_secs(20));
    assert_eq!(request.send().await.unwrap().status(), 200);
    for mut stream in idle {
        let closed = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut [0])).await;
        assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    }
    assert_eq!(agent.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn the_port_of_the_probes_serves_the_probes_alone() {
    let probes = Arc::new(FixedProbes::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve_probes(listener, probes.clone(), async move {
        stopped.await.unwrap_or_default()
    }));
    *probes.not_ready.lock().unwrap() = vec!["config repo".into()];
    for (path, status, text) in [("/healthz", 200, "ok\n"), ("/readyz", 503, "config repo\n")] {
        let answer = http().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (status, text)
        );
    }
    let answer = http().get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
