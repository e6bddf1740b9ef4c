use crate::http::api::client::{Client, ClientError};
use crate::http::probes::Probes;
use crate::http::serve::{ServeError, serve};
use crate::http::{CommandError, CommandReport, Commands, PlanReport, Server, ServerLimits, TokenFile};
use crate::status::Snapshot;
use crate::telemetry::Metrics;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

pub(super) const TOKEN: &str = "correct-horse-battery-staple";

/// Records the commands. A scan of a repository `…/wait` ends when the test releases it.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) calls: Mutex<Vec<String>>,
    pub(super) arrived: Notify,
    pub(super) release: Notify,
}

impl Recorder {
    pub(super) fn calls(&self) -> Vec<String> {
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

    fn plan(&self) -> BoxFuture<'_, Result<PlanReport, CommandError>> {
        async {
            self.calls.lock().unwrap().push("plan".into());
            Ok(PlanReport {
                text: "commit 1\n".into(),
                preview: serde_json::json!({"commit": "1"}),
                is_well: true,
                has_changes: false,
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

    fn status(&self) -> Snapshot {
        Snapshot::default()
    }
}

#[derive(Default)]
pub(super) struct FixedProbes {
    pub(super) stuck: Mutex<Vec<String>>,
    pub(super) not_ready: Mutex<Vec<String>>,
    pub(super) partial: Mutex<Vec<String>>,
}

impl Probes for FixedProbes {
    fn stuck(&self) -> Vec<String> {
        self.stuck.lock().unwrap().clone()
    }

    fn not_ready(&self) -> Vec<String> {
        self.not_ready.lock().unwrap().clone()
    }

    fn partial(&self) -> Vec<String> {
        self.partial.lock().unwrap().clone()
    }
}

pub(super) struct Agent {
    pub(super) address: SocketAddr,
    pub(super) recorder: Arc<Recorder>,
    pub(super) probes: Arc<FixedProbes>,
    pub(super) metrics: Metrics,
    pub(super) token: tempfile::NamedTempFile,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) server: JoinHandle<Result<(), ServeError>>,
}

impl Agent {
    pub(super) async fn start() -> Self {
        Self::start_with(ServerLimits::default(), true).await
    }

    pub(super) async fn start_with(limits: ServerLimits, with_token: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut token = tempfile::NamedTempFile::new().unwrap();
        writeln!(token, "{TOKEN}").unwrap();
        let recorder = Arc::new(Recorder::default());
        let probes = Arc::new(FixedProbes::default());
        let metrics = Metrics::new();
        let server = Server {
            commands: recorder.clone(),
            health: probes.clone(),
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
            probes,
            metrics,
            token,
            stop,
            server,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        let answer = http().get(self.url() + path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(super) async fn post(&self, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut request = http().post(self.url() + path).body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// `/v1/status`, with the token.
    pub(super) async fn status(&self) -> serde_json::Value {
        let request = http().get(self.url() + "/v1/status").bearer_auth(TOKEN);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(super) async fn client(&self) -> Client {
        client(&self.url(), self.token.path()).await.unwrap()
    }
}

pub(super) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

pub(super) async fn client(url: &str, token: &Path) -> Result<Client, ClientError> {
    Client::new(url, token, Duration::from_secs(20)).await
}
