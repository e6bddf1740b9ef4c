use super::*;
use crate::telemetry::Metrics;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const TOKEN: &str = "correct-horse-battery-staple";

/// Writes down what it is asked to do. A scan of `wait` does not end before it is told to.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<String>>,
    arrived: Notify,
    release: Notify,
}

impl Recorder {
    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Commands for Recorder {
    fn scan(&self, repository: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        let name = repository.unwrap_or_else(|| "all".into());
        async move {
            self.calls.lock().unwrap().push(format!("scan {name}"));
            if name.ends_with("/unknown") {
                return Err(CommandError::Unknown(format!("no automated field names {name}")));
            }
            if name.ends_with("/wait") {
                self.arrived.notify_one();
                self.release.notified().await;
            }
            Ok(CommandReport {
                summary: format!("scanned {name}"),
                lines: vec!["web: 1.0 -> 1.1".into()],
                ok: true,
            })
        }
        .boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        async {
            self.calls.lock().unwrap().push("sync".into());
            Err(CommandError::Unavailable("the agent is stopping".into()))
        }
        .boxed()
    }

    fn pushed(&self, branch: Option<&str>) -> bool {
        self.calls
            .lock()
            .unwrap()
            .push(format!("push {}", branch.unwrap_or("?")));
        branch != Some("other")
    }

    fn status(&self) -> serde_json::Value {
        serde_json::json!({ "fields": [] })
    }
}

#[derive(Default)]
struct Doctor {
    stuck: Mutex<Vec<String>>,
    not_ready: Mutex<Vec<String>>,
}

impl Probes for Doctor {
    fn stuck(&self) -> Vec<String> {
        self.stuck.lock().unwrap().clone()
    }

    fn not_ready(&self) -> Vec<String> {
        self.not_ready.lock().unwrap().clone()
    }
}

struct Agent {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    doctor: Arc<Doctor>,
    metrics: Metrics,
    token: tempfile::NamedTempFile,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Agent {
    async fn start() -> Self {
        Self::start_with(ServerLimits::default(), true).await
    }

    async fn start_with(limits: ServerLimits, with_token: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut token = tempfile::NamedTempFile::new().unwrap();
        writeln!(token, "{TOKEN}").unwrap();
        let recorder = Arc::new(Recorder::default());
        let doctor = Arc::new(Doctor::default());
        let metrics = Metrics::new();
        let server = Server {
            commands: recorder.clone(),
            health: doctor.clone(),
            metrics: metrics.clone(),
            token: TokenFile::new(with_token.then(|| token.path().to_owned())),
            hook_secret: TokenFile::new(with_token.then(|| token.path().to_owned())),
            limits,
        };
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, server, stopped.map(|_| ())));
        Self {
            address,
            recorder,
            doctor,
            metrics,
            token,
            stop,
            server,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = http().get(self.url() + path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut request = http().post(self.url() + path).body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn client(&self) -> Client {
        client(&self.url(), self.token.path()).await.unwrap()
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

async fn client(url: &str, token: &Path) -> Result<Client, ClientError> {
    Client::new(url, token, Duration::from_secs(20)).await
}

#[tokio::test]
async fn commands_are_refused_without_the_right_token() {
    let agent = Agent::start().await;
    let nearly = &TOKEN[..TOKEN.len() - 1];
    let longer = format!("{TOKEN}x");
    for token in [None, Some(""), Some("x"), Some(nearly), Some(longer.as_str())] {
        for path in ["/v1/scan", "/v1/sync"] {
            let (status, text) = agent.post(path, token, "").await;
            assert_eq!(status, 401, "{path} {token:?}: {text}");
            assert!(text.starts_with(r#"{"error":"#) && text.contains("token"), "{text}");
        }
    }
    assert_eq!(agent.get("/v1/status").await.0, 401);
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn commands_are_carried_out_with_the_token() {
    let agent = Agent::start().await;
    let client = agent.client().await;
    let report = client.scan(None).await.unwrap();
    assert_eq!((report.summary.as_str(), report.ok), ("scanned all", true));
    assert_eq!(report.lines, ["web: 1.0 -> 1.1"]);
    client.scan(Some("registry:5000/shop/web")).await.unwrap();
    assert_eq!(client.status().await.unwrap(), serde_json::json!({ "fields": [] }));
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
async fn a_rotated_token_is_taken_without_a_restart() {
    let agent = Agent::start().await;
    std::fs::write(agent.token.path(), "another-token-altogether\n").unwrap();
    assert_eq!(agent.post("/v1/scan", Some(TOKEN), "").await.0, 401);
    assert_eq!(
        agent.post("/v1/scan", Some("another-token-altogether"), "").await.0,
        200
    );
}

#[tokio::test]
async fn a_file_that_holds_no_token_opens_nothing() {
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
    assert!(text.contains("cannot be read"), "{text}");
}

#[tokio::test]
async fn a_scan_takes_a_repository_and_nothing_else() {
    let agent = Agent::start().await;
    for (body, why) in [
        (r#"{"repo": "a/b"}"#, "unknown field `repo`"),
        (r#"{"repository": "a/b", "force": true}"#, "unknown field `force`"),
        (r#"{"repository": 1}"#, "invalid type"),
        (r#"["a"]"#, "cannot be used"),
        ("{", "cannot be used"),
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
async fn a_body_of_more_than_4_kib_is_refused() {
    let agent = Agent::start().await;
    let body = format!(r#"{{"repository": "{}"}}"#, "a".repeat(5000));
    let (status, text) = agent.post("/v1/scan", Some(TOKEN), &body).await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("4096"), "{text}");
    assert_eq!(agent.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_says_why() {
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
async fn a_call_that_waits_too_long_is_let_go() {
    let limits = ServerLimits {
        call: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let agent = Agent::start_with(limits, true).await;
    let (status, text) = agent
        .post("/v1/scan", Some(TOKEN), r#"{"repository": "registry:5000/wait"}"#)
        .await;
    assert_eq!(status, 504, "{text}");
    assert!(text.contains("it goes on"), "{text}");
}

#[tokio::test]
async fn more_waiting_calls_than_there_are_places_are_turned_away() {
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

#[tokio::test]
async fn health_and_readiness_say_what_is_wrong() {
    let agent = Agent::start().await;
    assert_eq!(agent.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(agent.get("/readyz").await, (200, "ok\n".into()));
    *agent.doctor.stuck.lock().unwrap() = vec!["scan: no progress for 12m".into()];
    *agent.doctor.not_ready.lock().unwrap() = vec!["the repository has not been fetched".into(), "second".into()];
    assert_eq!(agent.get("/healthz").await, (503, "scan: no progress for 12m\n".into()));
    assert_eq!(
        agent.get("/readyz").await,
        (503, "the repository has not been fetched\nsecond\n".into())
    );
}

#[tokio::test]
async fn metrics_are_served_as_they_are_counted() {
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
async fn a_call_that_outlasts_the_drain_is_cut_off() {
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
async fn headers_without_end_are_cut_off_by_size() {
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
async fn a_client_says_why_it_cannot_ask() {
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
        error.to_string().contains("/nonexistent/token cannot be read"),
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

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = client(&nobody, token).await.unwrap().sync().await.unwrap_err();
    assert!(error.to_string().contains("is the agent running"), "{error}");
}

/// The signature of a body, as Gitea and GitHub make it.
fn signature(secret: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn tell(agent: &Agent, header: (&str, &str), body: &str) -> (u16, String) {
    let request = http().post(agent.url() + "/hooks/push").header(header.0, header.1);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_push_that_a_forge_has_signed_wakes_and_no_other_does() {
    let agent = Agent::start().await;
    let body = r#"{"ref": "refs/heads/main", "commits": []}"#;
    let (right, wrong) = (signature(TOKEN, body), signature("another-secret-altogether", body));
    for (name, value) in [
        ("x-gitea-signature", right.clone()),
        ("x-hub-signature-256", format!("sha256={right}")),
        ("x-gitlab-token", TOKEN.to_owned()),
    ] {
        assert_eq!(
            tell(&agent, (name, &value), body).await,
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
        let (status, text) = tell(&agent, (name, &value), body).await;
        assert_eq!(status, 401, "{name}: {value}: {text}");
        assert!(!text.contains(TOKEN) && !text.contains(&right), "{text}");
    }
    let (status, _) = tell(&agent, ("x-gitea-signature", &right), &body.replace("main", "mine")).await;
    assert_eq!(status, 401, "the signature is another body's");
    assert_eq!(agent.recorder.calls().len(), 3);

    let other = r#"{"ref": "refs/heads/other"}"#;
    let told = tell(&agent, ("x-gitea-signature", &signature(TOKEN, other)), other).await;
    assert_eq!(told, (202, r#"{"woken":false}"#.into()));
    let form = "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D";
    let told = tell(
        &agent,
        ("x-hub-signature-256", &format!("sha256={}", signature(TOKEN, form))),
        form,
    )
    .await;
    assert_eq!(told, (202, r#"{"woken":true}"#.into()), "what cannot be read wakes");
    assert_eq!(agent.get("/hooks/push").await.0, 405);
}

#[tokio::test]
async fn a_pushs_body_is_bounded_and_its_secret_is_read_anew() {
    let agent = Agent::start().await;
    let long = "x".repeat((4 << 20) + 1);
    let (status, text) = tell(&agent, ("x-gitlab-token", TOKEN), &long).await;
    assert_eq!(status, 413, "{text}");
    let whole = "x".repeat(4 << 20);
    assert_eq!(tell(&agent, ("x-gitlab-token", TOKEN), &whole).await.0, 202);
    std::fs::write(agent.token.path(), "another-token-altogether\n").unwrap();
    assert_eq!(tell(&agent, ("x-gitlab-token", TOKEN), "{}").await.0, 401);
    assert_eq!(
        tell(&agent, ("x-gitlab-token", "another-token-altogether"), "{}")
            .await
            .0,
        202
    );
    std::fs::write(agent.token.path(), "short\n").unwrap();
    let (status, text) = tell(&agent, ("x-gitlab-token", "short"), "{}").await;
    assert_eq!(status, 503, "{text}");
    let none = Agent::start_with(ServerLimits::default(), false).await;
    let (status, text) = tell(&none, ("x-gitlab-token", TOKEN), "{}").await;
    assert!(status == 503 && text.contains("http.webhook.secretFile"), "{text}");
}
