//! The HTTP port, and the status that it serves.

use super::commands::AgentCommands;
use super::loops::Wakes;
use super::repo_commands::RepoCommands;
use super::wiring::Base;
use super::{
    AgentConfig, wire_deploy_key, wire_mirrors, wire_pull_secrets, wire_releases, wire_scan, wire_source, wire_sync,
};
use crate::driver::{Health, Shutdown, Wake, throttled};
use crate::http::{self, ServerLimits, TokenFile};
use crate::model::{Backoff, Finding, with_causes};
use crate::port::{HomeSecrets, SecretName};
use crate::status::{AutomationStatus, LandedCommits, StatusBoard};
use anyhow::Context as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(super) async fn bind(config: &AgentConfig) -> anyhow::Result<TcpListener> {
    let listen = config.settings.http.listen;
    let listener = TcpListener::bind(listen).await;
    listener.with_context(|| format!("http.listen: cannot listen on {listen}; is the port taken?"))
}

/// How often the agent looks whether the Secret with its API token is still there.
const TOKEN_CHECK: Duration = Duration::from_secs(300);
/// The first delay after a failure.
const TOKEN_RETRY: Duration = Duration::from_secs(1);

/// Keeps the Secret with the API token, if the settings name one. Without a token the calls of `/v1` are refused and the
/// agent works on, so a failure is logged, once, and tried again.
pub(super) fn keep_token(base: &Base) -> impl Future<Output = ()> + Send + use<> {
    let name = base.config.settings.http.token_secret.clone();
    let (secrets, shutdown) = (base.home.secrets(), base.shutdown.clone());
    let keep = async move {
        let Some(name) = name else {
            return std::future::pending().await;
        };
        let namespace = secrets.namespace().to_owned();
        let secret = SecretName { namespace, name };
        let mut backoff = Backoff::new(TOKEN_RETRY, TOKEN_CHECK);
        let mut logged = None;
        loop {
            let delay = match http::ensure_token(&secrets, &secret).await {
                Ok(is_new) => {
                    if is_new {
                        tracing::info!(%secret, "API token made");
                    }
                    (logged, backoff) = (None, Backoff::new(TOKEN_RETRY, TOKEN_CHECK));
                    TOKEN_CHECK
                }
                Err(error) => {
                    let error = Some(with_causes(&error));
                    if logged != error {
                        tracing::warn!(error, "no API token: /v1 refuses all calls");
                        logged = error;
                    }
                    backoff.failed()
                }
            };
            tokio::time::sleep(delay).await;
        }
    };
    async move {
        tokio::select! {
            () = keep => {}
            () = shutdown.begun() => {}
        }
    }
}

/// The least time between two fetches that webhooks start. A replayed webhook costs the git server no more than that.
const PUSH_INTERVAL: Duration = Duration::from_secs(2);

/// Listens for the probes alone, where that is configured.
pub(super) async fn bind_probes(config: &AgentConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(listen) = config.settings.http.probes else {
        return Ok(None);
    };
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("http.probes: cannot listen on {listen}; is the port taken?"));
    listener.map(Some)
}

/// The status: a section for each loop.
pub(super) fn status_board(
    base: &Base,
    wakes: &Wakes,
    decisions: watch::Receiver<Arc<AutomationStatus>>,
    findings: watch::Receiver<Arc<[Finding]>>,
) -> StatusBoard {
    let mut board = StatusBoard::default();
    let (branch, name) = (base.branch.clone(), base.config.settings.repo.branch.clone());
    let address = base.config.settings.repo.url.to_string();
    board.add(move |snapshot| {
        snapshot.repo.address = Some(address.clone());
        snapshot.repo.branch = Some(name.clone());
        snapshot.repo.head = branch.head();
        snapshot.repo.unverified = branch.unverified();
    });
    board.add(move |snapshot| snapshot.automation = AutomationStatus::clone(&decisions.borrow()));
    board.add(move |snapshot| snapshot.findings = findings.borrow().to_vec());
    board.add(wire_scan::status(base));
    let health = base.health.clone();
    board.add(move |snapshot| {
        let reasons = health.not_ready().into_iter();
        snapshot.not_ready = reasons.map(|(name, reason)| (name.to_string(), reason)).collect();
    });
    board.add_loop("follow", wakes.source.status(), wire_source::status);
    board.add_loop("keys", wakes.deploy_key.status(), wire_deploy_key::status);
    board.add_loop("scan", wakes.scan.status(), |_, _| {});
    board.add_loop("automate", wakes.automation.status(), |_, _| {});
    for (target, activator) in wakes.sync.loops() {
        let target = target.clone();
        board.add_loop(format!("sync/{target}"), activator.status(), move |end, snapshot| {
            wire_sync::status(&target, end, snapshot);
        });
    }
    board.add_loop("releases", wakes.releases.status(), wire_releases::status);
    for (id, mirrors) in &wakes.mirrors {
        let target = id.clone();
        board.add_loop(format!("mirrors/{id}"), mirrors.status(), move |report, snapshot| {
            wire_mirrors::status(&target, report, snapshot);
        });
    }
    board.add_loop("pull-secrets", wakes.pull_secrets.status(), wire_pull_secrets::status);
    board
}

/// Serves until the drain.
pub(super) fn serve(
    listener: TcpListener,
    base: &Base,
    wakes: &Wakes,
    landed: LandedCommits,
    status: StatusBoard,
    repo: RepoCommands,
) -> impl Future<Output = ()> + Send + use<> {
    let settings = &base.config.settings;
    let (pushed, pass_on) = throttled(Wake::from(&wakes.source), PUSH_INTERVAL);
    let commands = AgentCommands {
        scans: Arc::clone(&base.scan_state),
        landed,
        scan: wakes.scan.clone(),
        automation: wakes.automation.clone(),
        source: wakes.source.clone(),
        pushed,
        sync: wakes.sync.clone(),
        deploy_key: Wake::from(&wakes.deploy_key),
        branch: base.branch.clone(),
        branch_name: settings.repo.branch.clone(),
        status,
        repo,
        automation_enabled: settings.automation.enabled,
        sync_enabled: settings.sync.enabled,
    };
    let server = http::Server {
        commands: Arc::new(commands),
        health: Arc::new(base.health.clone()),
        metrics: base.metrics.clone(),
        token: TokenFile::new(settings.http.token_file.clone()),
        hook_secret: TokenFile::new(settings.http.webhook_secret_file.clone()),
        limits: ServerLimits::default(),
    };
    let draining = base.shutdown.clone();
    async move {
        let serving = http::serve(listener, server, async move { draining.begun().await });
        let passing_on = async {
            pass_on.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = serving => report_end(ended),
            () = passing_on => {}
        }
    }
}

/// Serves the probes on their own port until the drain.
pub(super) async fn serve_probes(listener: TcpListener, health: Health, draining: Shutdown) {
    report_end(http::serve_probes(listener, Arc::new(health), async move { draining.begun().await }).await);
}

pub(super) fn report_end(ended: Result<(), http::ServeError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "the HTTP server ended");
    }
}
