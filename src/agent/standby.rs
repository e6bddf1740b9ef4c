//! A replica that waits for the Lease, and what it answers meanwhile.
//!
//! The replica opens nothing but its ports: it is alive and ready, so that a rollout and a disruption budget count it, and refuses
//! every command with the name of the pod that leads.

use super::home::Home;
use super::{AgentConfig, server};
use crate::aws::{CallLimits, Sdk};
use crate::cluster::{LeaderMark, LeaseStore};
use crate::driver::{Health, Shutdown};
use crate::http::{
    self, Answer, CommandError, CommandReport, Commands, ConfirmCall, LiftCall, PlanReport, Question, ServerLimits,
    TokenFile,
};
use crate::leader::{Election, Waiting};
use crate::status::Snapshot;
use crate::telemetry::Metrics;
use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

/// How soon a pod that could not be marked is marked.
const MARK_AGAIN: Duration = Duration::from_secs(5);

/// The part of this process in the election, once it leads.
#[derive(Clone)]
pub(super) struct Leadership {
    election: Arc<AsyncMutex<Election<LeaseStore>>>,
    mark: LeaderMark,
}

impl Leadership {
    /// Waits for the Lease and answers on the ports meanwhile. `None`: the drain began before.
    ///
    /// # Errors
    /// The ports cannot be opened, or the cluster's credentials cannot be used.
    pub(super) async fn gained(config: &AgentConfig, shutdown: &Shutdown) -> anyhow::Result<Option<Self>> {
        let lease = &config.settings.leader_election.lease;
        // A connection of its own: what else the agent asks must not delay a renewal.
        let home = Home::connect(config, &Sdk::new(CallLimits::default())).await?;
        let pod = config.environment.pod.clone();
        let identity = identity(pod.as_deref())?;
        let mut election = Election::new(home.lease(lease), identity, super::wiring::jitter);
        let mark = home.leader_mark(pod);
        let reason = Reason::default();
        let waits = |why: &Waiting| {
            reason.set(why);
            tracing::info!(lease, "standing by: {}", reason.get());
        };
        let answering = Shutdown::default();
        let mut serving = std::pin::pin!(serve(config, &reason, &answering).await?);
        unmark(&mark).await;
        let is_leader = tokio::select! {
            () = election.acquire(waits) => true,
            () = shutdown.begun() => false,
            () = &mut serving => anyhow::bail!("the HTTP server ended"),
        };
        answering.begin();
        serving.await;
        if !is_leader {
            return Ok(None);
        }
        tracing::info!(lease, "this replica leads");
        let election = Arc::new(AsyncMutex::new(election));
        Ok(Some(Self { election, mark }))
    }

    /// Marks the pod, and returns why this process leads no longer.
    pub(super) async fn lost(self) -> String {
        let mut election = self.election.lock().await;
        let marking = async {
            mark(&self.mark).await;
            std::future::pending().await
        };
        tokio::select! {
            holder = election.keep() => format!("{} leads now", pod_of(&holder)),
            never = marking => never,
        }
    }

    /// Gives the Lease back.
    pub(super) async fn release(self) {
        unmark(&self.mark).await;
        self.election.lock().await.release().await;
    }
}

/// Marks the pod, however long the server refuses.
async fn mark(mark: &LeaderMark) {
    let mut is_reported = false;
    while let Err(failure) = mark.set(true).await {
        if !is_reported {
            tracing::warn!(error = %failure, "the pod is not marked: a Service that asks for tidegate.dev/leader does not find it yet");
        }
        is_reported = true;
        tokio::time::sleep(MARK_AGAIN).await;
    }
}

/// A pod whose container was started again may still be marked.
async fn unmark(mark: &LeaderMark) {
    if let Err(failure) = mark.set(false).await {
        tracing::debug!(error = %failure, "the mark of the pod is not removed");
    }
}

/// `<pod>_<random>`: two processes of one pod, one after the other, are two holders.
fn identity(pod: Option<&str>) -> anyhow::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("no random numbers")?;
    Ok(format!("{}_{}", pod.unwrap_or("tidegate"), hex::encode(random)))
}

/// The pod of a holder.
fn pod_of(holder: &str) -> &str {
    holder.rsplit_once('_').map_or(holder, |(pod, _)| pod)
}

/// Why this replica does not work, for people.
#[derive(Clone, Default)]
struct Reason(Arc<Mutex<String>>);

impl Reason {
    fn set(&self, why: &Waiting) {
        let text = match why {
            Waiting::For(holder) => {
                let pod = pod_of(holder);
                format!("{pod} leads; ask that pod: kubectl exec {pod} -- tidegate ...")
            }
            Waiting::Failed(message) => format!("the Lease cannot be used: {message}"),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sentence(&self) -> String {
        match &*self.get() {
            "" => "this replica stands by and has not read the Lease yet".to_owned(),
            reason => format!("this replica stands by: {reason}"),
        }
    }
}

async fn serve(
    config: &AgentConfig,
    reason: &Reason,
    ending: &Shutdown,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let listener = server::bind(config).await?;
    let probes = server::bind_probes(config).await?;
    let settings = &config.settings.http;
    let health = Health::default();
    let answering = http::Server {
        commands: Arc::new(StandbyCommands(reason.clone())),
        health: Arc::new(health.clone()),
        metrics: Metrics::new(),
        token: TokenFile::new(settings.token_file.clone()),
        hook_secret: TokenFile::new(settings.webhook_secret_file.clone()),
        limits: ServerLimits::default(),
    };
    let (ending, of_probes) = (ending.clone(), ending.clone());
    Ok(async move {
        let serving = http::serve(listener, answering, async move { ending.begun().await });
        let probing = async {
            match probes {
                Some(listener) => server::serve_probes(listener, health, of_probes).await,
                None => of_probes.begun().await,
            }
        };
        let (ended, ()) = futures::join!(serving, probing);
        server::report_end(ended);
    })
}

/// Refuses every command.
struct StandbyCommands(Reason);

impl StandbyCommands {
    fn refuse<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, CommandError>> {
        std::future::ready(Err(CommandError::Unavailable(self.0.sentence()))).boxed()
    }
}

impl Commands for StandbyCommands {
    fn scan(&self, _: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.refuse()
    }

    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.refuse()
    }

    fn plan(&self, _: Question) -> BoxFuture<'_, Result<PlanReport, CommandError>> {
        self.refuse()
    }

    fn diff(&self, _: http::DiffCall) -> BoxFuture<'_, Result<http::DiffReport, CommandError>> {
        self.refuse()
    }

    fn why(&self, _: http::WhyCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.refuse()
    }

    fn holds(&self, _: Question) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.refuse()
    }

    fn resume(&self, _: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.refuse()
    }

    fn release(&self, _: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.refuse()
    }

    fn confirm(&self, _: ConfirmCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.refuse()
    }

    fn pushed(&self, _: Option<&str>) -> bool {
        false
    }

    fn status(&self) -> Snapshot {
        Snapshot {
            problems: vec![self.0.sentence()],
            ..Snapshot::default()
        }
    }
}
