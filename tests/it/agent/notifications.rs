//! People hear once of what happens, over receivers that sign, refuse or are away.

use super::world::{SOON, World};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};
use tidegate_stack::ControlPlane;
use tidegate_stack::mail::MailServer;
use tidegate_stack::receiver::{Received, Receiver};

const SECRET: &str = "s3cret-of-the-hook-0123456789";

/// The events of all messages, oldest first.
fn events(received: &[Received]) -> Vec<Value> {
    let delivered = received.iter().filter(|request| request.status == 200);
    delivered
        .flat_map(|request| request.json()["events"].as_array().cloned().unwrap_or_default())
        .collect()
}

/// How often an event of a commit was delivered.
fn count(received: &[Received], event: &str, commit: &str) -> usize {
    let is_it = |one: &&Value| one["event"] == event && one["commit"] == commit;
    events(received).iter().filter(is_it).count()
}

/// The HMAC-SHA256 by the program of OpenSSL.
fn openssl_hmac(body: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "-hmac", SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

/// Bumps to a tag. Returns the commit when people have heard that it is healthy.
async fn bump(world: &mut World, hook: &Receiver, tag: &str) -> (String, Vec<Received>) {
    world.ecr.push_tag("shop/web", tag).unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    let commit = world.bumps_to(tag).first().unwrap().id.to_string();
    let is_healthy = |received: &[Received]| count(received, "healthy", &commit) == 1;
    let received = hook
        .wait_for(&format!("healthy {commit}"), is_healthy)
        .unwrap_or_else(|error| {
            world.agent.process().unwrap().print_log_tail();
            panic!("{error}")
        });
    (commit, received)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bump_is_announced_with_a_signature_and_not_again_after_a_restart() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let mut world = World::prepare(&cluster, "notify", "1").await;
    let hook = Receiver::start().unwrap();
    let secret = world.agent.dir().join("hook-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let rule = format!(
        "notifications:\n- name: hook\n  group: 1s\n  events: [bumped, applied, healthy]\n  webhook: {{url: \"{}/in\", secretFile: {}}}\n",
        hook.url(),
        secret.display()
    );
    // Nobody listens there, and nobody waits for it.
    let rule = rule + "- {name: dead, group: 1s, webhook: {url: \"http://127.0.0.1:9/in\"}}\n";
    world.agent.configure(|options| options.more.push_str(&rule)).unwrap();
    world.ecr.push_tag("shop/web", "1").unwrap();
    // The first try of the first message fails.
    hook.answer_next(
        503,
        &[("Retry-After", "1")],
        "busy, Authorization: s3cret-of-the-hook-0123456789",
    );
    world.agent.run().await.unwrap();
    let (first, received) = bump(&mut world, &hook, "2").await;
    for event in ["bumped", "applied", "healthy"] {
        assert_eq!(count(&received, event, &first), 1, "{event}: {received:#?}");
    }
    let bumped = events(&received)
        .into_iter()
        .find(|one| one["event"] == "bumped")
        .unwrap();
    let object = format!("Deployment {}/web web", world.namespace);
    assert_eq!(
        (&bumped["object"], &bumped["path"]),
        (&object.into(), &"apps/web.yaml".into())
    );
    for request in &received {
        assert_eq!(request.line, "POST /in");
        let signature = request.header("x-tidegate-signature-256").unwrap();
        assert_eq!(signature, format!("sha256={}", openssl_hmac(&request.body)));
    }
    assert_eq!(
        received[0].header("x-tidegate-delivery"),
        received[1].header("x-tidegate-delivery"),
        "the second try of a message has the id of the first"
    );
    assert_eq!(world.agent.stop().await.unwrap(), 0);

    world.agent.run().await.unwrap();
    let (second, received) = bump(&mut world, &hook, "3").await;
    for event in ["bumped", "applied", "healthy"] {
        for commit in [&first, &second] {
            assert_eq!(count(&received, event, commit), 1, "{event} {commit}: {received:#?}");
        }
    }
    // The agent counts a message when it has read the receiver's answer.
    let start = std::time::Instant::now();
    let is_counted = |metrics: &str| {
        metrics.contains("tidegate_notifications_sent_total{name=\"hook\"} 3\n")
            && metrics.contains("tidegate_notifications_sent_total{name=\"dead\"} 0\n")
            && !metrics.contains("tidegate_notifications_failed_total{name=\"dead\"} 0\n")
    };
    loop {
        let (_, metrics) = world.agent.get("/metrics").await.unwrap();
        if is_counted(&metrics) {
            break;
        }
        assert!(start.elapsed() < SOON * 2, "{metrics}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let log = world.agent.log();
    assert!(!log.contains(SECRET), "the log has the secret");
    assert!(
        log.contains("HTTP 503") && log.contains("notification not delivered, trying again"),
        "{log}"
    );
    for request in &received {
        assert!(!request.body.contains(SECRET));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_is_sent_on_request_and_a_failure_names_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Receiver::start().unwrap();
    let url = folder.path().join("url");
    std::fs::write(&url, format!("{}/services/T000/B000/hidden-part-of-it\n", hook.url())).unwrap();
    let config = folder.path().join("tidegate.yaml");
    let text = format!(
        "repo: {{url: \"git@github.com:acme/fleet.git\"}}\nnotifications:\n- {{name: chat, slack: {{urlFile: {}}}}}\n",
        url.display()
    );
    std::fs::write(&config, text).unwrap();
    let test = || {
        Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["notify", "test", "chat", "--config"])
            .arg(&config)
            .env_clear()
            .output()
            .unwrap()
    };
    let output = test();
    assert!(output.status.success(), "{output:?}");
    let received = hook.received();
    assert_eq!(received[0].line, "POST /services/T000/B000/hidden-part-of-it");
    assert!(
        received[0].json()["text"]
            .as_str()
            .unwrap()
            .contains("this is a test of the notification chat")
    );
    let elsewhere = Receiver::start().unwrap();
    hook.answer_next(307, &[("Location", &elsewhere.url())], "");
    let moved = test();
    assert!(elsewhere.received().is_empty(), "a redirect is followed");
    hook.answer_next(404, &[], "no_service hidden-part-of-it");
    let refused = test();
    drop(hook);
    let away = test();
    for output in [moved, refused, away] {
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(!err.contains("hidden-part"), "{err}");
        assert!(err.contains("notification chat"), "{err}");
    }
}

#[test]
fn mail_reaches_its_receivers_and_no_password_goes_over_a_plain_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, SECRET).unwrap();
    let config = folder.path().join("tidegate.yaml");
    let test = |tls: &str| {
        let text = format!(
            "repo: {{url: \"git@github.com:acme/fleet.git\"}}\nnotifications:\n- name: mail\n  email: {{server: 127.0.0.1, port: {}, \
             from: Tidegate <tidegate@acme.example>, to: [ops@acme.example, jo@acme.example], {tls}}}\n",
            server.port()
        );
        std::fs::write(&config, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["notify", "test", "mail", "--config"])
            .arg(&config)
            .env_clear()
            .output()
            .unwrap();
        let start = std::time::Instant::now();
        while server.sessions().is_empty() {
            assert!(start.elapsed() < SOON, "no connection ended: {output:?}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        output
    };
    // The server knows no STARTTLS.
    let login = format!("user: tidegate, passwordFile: {}", password.display());
    let refused = test(&login);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(!String::from_utf8_lossy(&refused.stderr).contains(SECRET));
    let commands = server.sessions()[0].commands.clone();
    assert!(!commands.iter().any(|line| line.starts_with("AUTH")), "{commands:?}");

    let output = test("tls: none");
    assert!(output.status.success(), "{output:?}");
    let start = std::time::Instant::now();
    let session = loop {
        let sessions = server.sessions();
        if let Some(session) = sessions.into_iter().find(|session| !session.mail.is_empty()) {
            break session;
        }
        assert!(start.elapsed() < SOON, "no mail arrived");
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    for line in [
        "MAIL FROM:<tidegate@acme.example>",
        "RCPT TO:<ops@acme.example>",
        "RCPT TO:<jo@acme.example>",
    ] {
        assert!(
            session.commands.iter().any(|command| command.starts_with(line)),
            "{line}: {session:#?}"
        );
    }
    let (headers, body) = session.mail.split_once("\n\n").unwrap();
    for part in [
        "Subject: Tidegate: info: 1 event: test",
        "@tidegate.dev>",
        "=?utf-8?B?VGlkZWdhdGU=?= <tidegate@",
    ] {
        assert!(headers.contains(part), "{part}: {headers}");
    }
    // By a program that is not ours.
    let mut decoder = Command::new("base64")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    decoder.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let text = String::from_utf8(decoder.wait_with_output().unwrap().stdout).unwrap();
    assert!(text.contains("this is a test of the notification mail"), "{text}");
}
