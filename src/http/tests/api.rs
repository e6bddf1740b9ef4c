use super::scene::{Agent, TOKEN};
use crate::http::ServerLimits;
use crate::http::api::client::ClientError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn commands_are_refused_without_the_right_token() {
    let agent = Agent::start().await;
    let nearly = &TOKEN[..TOKEN.len() - 1];
    let longer = format!("{TOKEN}x");
    for token in [None, Some(""), Some("x"), Some(nearly), Some(longer.as_str())] {
        for path in [
            "/v1/scan",
            "/v1/sync",
            "/v1/holds",
            "/v1/resume",
            "/v1/release",
            "/v1/confirm",
        ] {
            let (status, text) = agent.post(path, token, "").await;
            assert_eq!(status, 401, "{path} {token:?}: {text}");
            assert!(text.starts_with(r#"{"error":"#) && text.contains("token"), "{text}");
        }
    }
    assert_eq!(agent.get("/v1/status").await.0, 401);
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn commands_run_with_the_token() {
    let agent = Agent::start().await;
    let client = agent.client().await;
    let report = client.scan(None).await.unwrap();
    assert_eq!((report.summary.as_str(), report.ok), ("scanned all", true));
    assert_eq!(report.lines, ["web: 1.0 -> 1.1"]);
    client.scan(Some("registry:5000/shop/web")).await.unwrap();
    let status = agent.status().await;
    assert_eq!(
        (&status["fields"], &status["targets"]),
        (&serde_json::json!([]), &serde_json::json!({}))
    );
    assert_eq!(agent.recorder.calls(), ["scan all", "scan registry:5000/shop/web"]);
}

#[tokio::test]
async fn without_a_configured_token_all_commands_are_refused() {
    let agent = Agent::start_with(ServerLimits::default(), false).await;
    for token in [None, Some(""), Some(TOKEN)] {
        let (status, text) = agent.post("/v1/scan", token, "").await;
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("no token is configured"), "{text}");
    }
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn a_rotated_token_is_accepted_without_a_restart() {
    let agent = Agent::start().await;
    std::fs::write(agent.token.path(), "another-token-altogether\n").unwrap();
    assert_eq!(agent.post("/v1/scan", Some(TOKEN), "").await.0, 401);
    assert_eq!(
        agent.post("/v1/scan", Some("another-token-altogether"), "").await.0,
        200
    );
}

#[tokio::test]
async fn a_file_without_a_token_refuses_every_command() {
    let agent = Agent::start().await;
    for (content, why) in [
        ("".to_owned(), "fewer than 16"),
        ("   \n".to_owned(), "fewer than 16"),
        ("short".to_owned(), "fewer than 16"),
        ("two words that are long enough".to_owned(), "blanks"),
        ("x".repeat(5000), "more than 4096"),
    ] {
        std::fs::write(agent.token.path(), &content).unwrap();
        let (status, text) = agent.post("/v1/scan", Some(content.trim()), "").await;
        assert_eq!(status, 503, "{text}");
        assert!(text.contains(why), "{text}");
    }
    std::fs::remove_file(agent.token.path()).unwrap();
    let (status, text) = agent.post("/v1/scan", Some(""), "").await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("cannot read the token file"), "{text}");
}

#[tokio::test]
async fn a_scan_accepts_a_repository_and_nothing_else() {
    let agent = Agent::start().await;
    for (body, why) in [
        (r#"{"repo": "a/b"}"#, "unknown field `repo`"),
        (r#"{"repository": "a/b", "force": true}"#, "unknown field `force`"),
        (r#"{"repository": 1}"#, "invalid type"),
        (r#"["a"]"#, "is invalid"),
        ("{", "is invalid"),
        (r#"{"repository": "A b"}"#, "not an image reference"),
        (r#"{"repository": "a/b:latest"}"#, "without tag"),
    ] {
        let (status, text) = agent.post("/v1/scan", Some(TOKEN), body).await;
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains(why), "{why:?} is missing in: {text}");
    }
    assert_eq!(
        agent.post("/v1/sync", Some(TOKEN), r#"{"repository": "a/b"}"#).await.0,
        400
    );
    assert_eq!(agent.recorder.calls(), [""; 0]);
    for body in ["", "{}", r#"{"repository": null}"#] {
        assert_eq!(agent.post("/v1/scan", Some(TOKEN), body).await.0, 200, "{body}");
    }
}

#[tokio::test]
async fn a_call_that_makes_a_commit_says_what_it_means() {
    let agent = Agent::start().await;
    for (path, body, why) in [
        ("/v1/resume", "", "name objects, or set all to true"),
        ("/v1/release", r#"{"objects": [], "namespace": "shop"}"#, "name objects"),
        (
            "/v1/release",
            r#"{"all": true, "objects": [{"kind": "a", "name": "b"}]}"#,
            "exclude each other",
        ),
        (
            "/v1/resume",
            r#"{"all": true, "author": "Ann"}"#,
            "expected Name <address>",
        ),
        (
            "/v1/resume",
            r#"{"all": true, "author": "A\nB <a@b>"}"#,
            "expected Name <address>",
        ),
        ("/v1/resume", r#"{"all": true, "tag": "a b"}"#, "a b"),
        ("/v1/resume", r#"{"everything": true}"#, "unknown field"),
        ("/v1/confirm", "", "missing field `commit`"),
        ("/v1/confirm", r#"{"commit": ""}"#, "7 to 40 hexadecimal digits"),
        ("/v1/confirm", r#"{"commit": "master0"}"#, "7 to 40 hexadecimal digits"),
    ] {
        let (status, text) = agent.post(path, Some(TOKEN), body).await;
        assert_eq!(status, 400, "{path} {body}: {text}");
        assert!(text.contains(why), "{why:?} is missing in: {text}");
    }
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_makes_a_commit_is_answered_on_loopback_only() {
    let agent = Agent::start().await;
    for (peer, expected) in [
        ("127.0.0.1:9", 200),
        ("[::ffff:127.0.0.1]:9", 200),
        ("[::1]:9", 200),
        ("10.0.0.9:9", 403),
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        for path in ["/v1/resume", "/v1/release"] {
            let body = r#"{"all": false, "objects": [{"kind": "deployment", "name": "web"}]}"#;
            assert_eq!(agent.call_from(peer, path, body).await, expected, "{peer} {path}");
        }
        let confirmed = agent.call_from(peer, "/v1/confirm", r#"{"commit": "0123abc"}"#).await;
        assert_eq!(confirmed, if expected == 200 { 422 } else { 403 }, "{peer}");
        assert_eq!(agent.call_from(peer, "/v1/holds", "").await, 200, "{peer}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_4_kib_is_refused() {
    let agent = Agent::start().await;
    let body = format!(r#"{{"repository": "{}"}}"#, "a".repeat(5000));
    let (status, text) = agent.post("/v1/scan", Some(TOKEN), &body).await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("4096"), "{text}");
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn a_command_that_cannot_run_says_why() {
    let agent = Agent::start().await;
    let client = agent.client().await;
    let error = client.scan(Some("registry:5000/unknown")).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 404, .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("no automated field names registry:5000/unknown"),
        "{error}"
    );
    let error = client.sync().await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 503, .. }), "{error}");
}

#[tokio::test]
async fn a_call_that_waits_too_long_times_out() {
    let limits = ServerLimits {
        call: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let agent = Agent::start_with(limits, true).await;
    let (status, text) = agent
        .post("/v1/scan", Some(TOKEN), r#"{"repository": "registry:5000/wait"}"#)
        .await;
    assert_eq!(status, 504, "{text}");
    assert!(text.contains("it continues"), "{text}");
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused() {
    let agent = Arc::new(Agent::start().await);
    let calls: Vec<_> = (0..65)
        .map(|_| {
            let agent = Arc::clone(&agent);
            tokio::spawn(async move {
                let body = r#"{"repository": "registry:5000/wait"}"#;
                agent.post("/v1/scan", Some(TOKEN), body).await.0
            })
        })
        .collect();
    let mut left = calls;
    let (first, _, rest) = futures::future::select_all(left.drain(..)).await;
    assert_eq!(first.unwrap(), 429);
    agent.recorder.release.notify_waiters();
    for call in rest {
        assert_eq!(call.await.unwrap(), 200);
    }
}
