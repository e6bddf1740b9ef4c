use crate::http::api::client::{Client, ClientError};
use crate::http::peers::Peer;
use crate::http::probes::Probes;
use crate::http::router::router;
use crate::http::serve::{ServeError, serve};
use crate::http::{
    Answer, CommandError, CommandReport, Commands, ConfirmCall, LiftCall, PlanReport, Question, Server, ServerLimits,
    TokenFile,
};
use crate::status::Snapshot;
use crate::telemetry::Metrics;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

pub(super) const CONFIGURATION: &str = "0123";
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

    fn answer(&self, call: String) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.calls.lock().unwrap().push(call.clone());
        let answer = serde_json::json!({ "call": call });
        async move { Ok(Answer { text: call, answer }) }.boxed()
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

    fn plan(&self, question: Question) -> BoxFuture<'_, Result<PlanReport, CommandError>> {
        async {
            self.calls.lock().unwrap().push("plan".into());
            if question.configuration.is_some_and(|digest| digest != CONFIGURATION) {
                return Err(CommandError::OtherConfiguration);
            }
            Ok(PlanReport {
                text: "commit 1\n".into(),
                preview: serde_json::json!({"commit": "1"}),
                is_well: true,
                has_changes: false,
            })
        }
        .boxed()
    }

    fn holds(&self, question: Question) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.answer(format!("holds {:?}", question.configuration))
    }

    fn resume(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.answer(format!("resume {}", call.objects[0].name))
    }

    fn release(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        let author = call.author.map(|author| author.to_string());
        self.answer(format!("release by {}", author.unwrap_or_default()))
    }

    fn confirm(&self, _: ConfirmCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        async { Err(CommandError::Failed("others pushed".into())) }.boxed()
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
        let secret = TokenFile::new(with_token.then(|| token.path().to_owned()));
        let server = server(&recorder, &probes, &metrics, &secret, limits);
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

    /// The status of the answer to a call with the token from this address.
    pub(super) async fn call_from(&self, peer: SocketAddr, path: &str, body: &str) -> u16 {
        let secret = TokenFile::new(Some(self.token.path().to_owned()));
        let limits = ServerLimits::default();
        let app = router(server(&self.recorder, &self.probes, &self.metrics, &secret, limits));
        let request = Request::post(path).header(AUTHORIZATION, format!("Bearer {TOKEN}"));
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Peer::from(peer));
        let answer = TowerToHyperService::new(app).call(request).await.unwrap();
        answer.status().as_u16()
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

fn server(
    recorder: &Arc<Recorder>,
    probes: &Arc<FixedProbes>,
    metrics: &Metrics,
    secret: &TokenFile,
    limits: ServerLimits,
) -> Server {
    Server {
        commands: recorder.clone(),
        health: probes.clone(),
        metrics: metrics.clone(),
        token: secret.clone(),
        hook_secret: secret.clone(),
        limits,
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
