use super::scene::{Agent, TOKEN, http};
use crate::http::ServerLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The HMAC of a body, as Gitea and GitHub send it.
fn signature(secret: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn send(agent: &Agent, header: (&str, &str), body: &str) -> (u16, String) {
    let request = http().post(agent.url() + "/hooks/push").header(header.0, header.1);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn only_a_signed_push_wakes_the_loop() {
    let agent = Agent::start().await;
    let body = r#"{"ref": "refs/heads/main", "commits": []}"#;
    let (right, wrong) = (signature(TOKEN, body), signature("another-secret-altogether", body));
    for (name, value) in [
        ("x-gitea-signature", right.clone()),
        ("x-hub-signature-256", format!("sha256={right}")),
        ("x-gitlab-token", TOKEN.to_owned()),
    ] {
        assert_eq!(
            send(&agent, (name, &value), body).await,
            (202, r#"{"woken":true}"#.into()),
            "{name}"
        );
    }
    assert_eq!(agent.recorder.calls(), ["push main"; 3]);
    for (name, value) in [
        ("x-gitea-signature", wrong.clone()),
        ("x-gitea-signature", String::new()),
        ("x-gitea-signature", right[..62].to_owned()),
        ("x-hub-signature-256", format!("sha256={wrong}")),
        ("x-hub-signature-256", right.clone()),
        ("x-hub-signature", format!("sha1={right}")),
        ("x-gitlab-token", "another-secret-altogether".to_owned()),
        ("x-gitlab-token", String::new()),
        ("authorization", format!("Bearer {TOKEN}")),
    ] {
        let (status, text) = send(&agent, (name, &value), body).await;
        assert_eq!(status, 401, "{name}: {value}: {text}");
        assert!(!text.contains(TOKEN) && !text.contains(&right), "{text}");
    }
    let (status, _) = send(&agent, ("x-gitea-signature", &right), &body.replace("main", "mine")).await;
    assert_eq!(status, 401, "the signature belongs to another body");
    assert_eq!(agent.recorder.calls().len(), 3);

    let other = r#"{"ref": "refs/heads/other"}"#;
    let response = send(&agent, ("x-gitea-signature", &signature(TOKEN, other)), other).await;
    assert_eq!(response, (202, r#"{"woken":false}"#.into()));
    let form = "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D";
    let response = send(
        &agent,
        ("x-hub-signature-256", &format!("sha256={}", signature(TOKEN, form))),
        form,
    )
    .await;
    assert_eq!(
        response,
        (202, r#"{"woken":true}"#.into()),
        "a body that cannot be read wakes the loop"
    );
    assert_eq!(agent.get("/hooks/push").await.0, 405);
}

#[tokio::test]
async fn the_body_of_a_push_is_bounded_and_the_secret_is_read_for_each_push() {
    let agent = Agent::start().await;
    let long = "x".repeat((4 << 20) + 1);
    let (status, text) = send(&agent, ("x-gitlab-token", TOKEN), &long).await;
    assert_eq!(status, 413, "{text}");
    let whole = "x".repeat(4 << 20);
    assert_eq!(send(&agent, ("x-gitlab-token", TOKEN), &whole).await.0, 202);
    std::fs::write(agent.token.path(), "another-token-altogether\n").unwrap();
    assert_eq!(send(&agent, ("x-gitlab-token", TOKEN), "{}").await.0, 401);
    assert_eq!(
        send(&agent, ("x-gitlab-token", "another-token-altogether"), "{}")
            .await
            .0,
        202
    );
    std::fs::write(agent.token.path(), "short\n").unwrap();
    let (status, text) = send(&agent, ("x-gitlab-token", "short"), "{}").await;
    assert_eq!(status, 503, "{text}");
    let none = Agent::start_with(ServerLimits::default(), false).await;
    let (status, text) = send(&none, ("x-gitlab-token", TOKEN), "{}").await;
    assert!(status == 503 && text.contains("http.webhook.secretFile"), "{text}");
}

/// Begins a push and sends a part of its body.
async fn begun(agent: &Agent, header: (&str, &str), length: usize, part: &str) -> TcpStream {
    let mut stream = TcpStream::connect(agent.address).await.unwrap();
    let (name, value) = header;
    let head =
        format!("POST /hooks/push HTTP/1.1\r\nhost: a\r\n{name}: {value}\r\ncontent-length: {length}\r\n\r\n{part}");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn bodies_that_drip_do_not_shut_a_real_push_out() {
    let agent = Agent::start().await;
    let signed = signature("another-secret-altogether", "{}");
    let mut dripping = Vec::new();
    for _ in 0..20 {
        dripping.push(begun(&agent, ("x-gitea-signature", &signed), 100_000, "{\"ref\":").await);
    }
    let body = format!("{{\"ref\": \"refs/heads/main\", \"more\": \"{}\"}}", "x".repeat(5000));
    let status = send(&agent, ("x-gitea-signature", &signature(TOKEN, &body)), &body).await;
    assert_eq!(status, (202, r#"{"woken":true}"#.into()));
}

#[tokio::test]
async fn the_word_of_gitlab_is_checked_before_the_body() {
    let agent = Agent::start().await;
    let mut stream = begun(&agent, ("x-gitlab-token", "another-secret-altogether"), 100_000, "").await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn a_peer_without_proof_is_limited_and_one_with_proof_is_not() {
    let agent = Agent::start().await;
    let signed = signature("another-secret-altogether", "{}");
    let mut seen = Vec::new();
    for _ in 0..60 {
        seen.push(send(&agent, ("x-gitea-signature", &signed), "{}").await.0);
    }
    assert_eq!(
        seen.iter().take(30).filter(|status| **status == 401).count(),
        30,
        "{seen:?}"
    );
    assert!(seen.contains(&429), "{seen:?}");
    for _ in 0..40 {
        assert_eq!(send(&agent, ("x-gitlab-token", TOKEN), "{}").await.0, 202);
    }
}
