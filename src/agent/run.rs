use super::loops::Loops;
use super::repo_commands::RepoCommands;
use super::standby::Leadership;
use super::wiring::{self, Base, Wiring};
use super::{
    AgentConfig, keys, repo, server, startup, wire_automation, wire_deploy_key, wire_mirrors, wire_notifications,
    wire_pull_secrets, wire_releases, wire_scan, wire_source, wire_sync,
};
use crate::deploy_key::Keys;
use crate::driver::{Condition, Shutdown, Tasks, on_signals};
use crate::git::{self, DeployKey};
use crate::notice::{KeyEvent, Topic};
use anyhow::Context as _;
use std::sync::Arc;
use tokio::sync::watch;

/// Runs the agent until a signal stops it.
///
/// # Errors
/// Why the agent did not start, or what ended it early.
pub async fn run(config: AgentConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let aborted = on_signals(shutdown.clone()).context("signal handlers cannot be installed")?;
    tokio::select! {
        ended = lead(config, shutdown) => ended,
        () = aborted => anyhow::bail!("aborted by a second signal"),
    }
}

/// Waits until this replica leads, where several may run, and works.
async fn lead(config: AgentConfig, shutdown: Shutdown) -> anyhow::Result<()> {
    if !config.settings.leader_election.enabled {
        return serve(config, shutdown, None).await;
    }
    let Some(leadership) = Leadership::gained(&config, &shutdown).await? else {
        return Ok(());
    };
    let ended = serve(config, shutdown, Some(leadership.clone())).await;
    leadership.release().await;
    ended
}

/// Spawns everything, one function for each loop, and waits for the end.
///
/// The HTTP port opens first, so that probes are answered while the deploy key is awaited. A further loop is a line in
/// [`Loops`], a function like the ones below, and a section in the status; no other loop changes.
async fn serve(config: AgentConfig, shutdown: Shutdown, leadership: Option<Leadership>) -> anyhow::Result<()> {
    let mut tasks = Tasks::default();
    if let Some(leadership) = leadership {
        tasks.spawn_guard("leader election", shutdown.clone(), leadership.lost());
    }
    let (base, events, landed, outboxes) = Base::new(config, shutdown).await?;
    let (wakes, loops) = Loops::new(&base.config, &base.health);
    let listener = server::bind(&base.config).await?;
    let probes = server::bind_probes(&base.config).await?;
    let (decisions, decisions_seen) = wire_automation::decisions();
    let repo_commands = RepoCommands::new(&base.config);
    let (findings, findings_seen) = watch::channel(Arc::default());
    let status = server::status_board(&base, &wakes, decisions_seen, findings_seen);
    tasks.spawn("events", wiring::write_events(events, &base)?);
    tasks.spawn("notifications", wire_notifications::send(outboxes, &base)?);
    tasks.spawn("API token", server::keep_token(&base));
    tasks.spawn(
        "http",
        server::serve(listener, &base, &wakes, landed, status, repo_commands.clone()),
    );
    if let Some(listener) = probes {
        let serving = server::serve_probes(listener, base.health.clone(), base.shutdown.clone());
        tasks.spawn("probes", serving);
    }

    let shutdown = base.shutdown.clone();
    let keys = tokio::select! {
        keys = read_keys(&base, &loops.key_condition) => keys.inspect_err(|_| shutdown.begin())?,
        () = shutdown.begun() => {
            drop(base);
            return tasks.join(&shutdown).await.map_err(anyhow::Error::msg);
        }
    };
    let repo = Arc::new(open_repo(&base, &keys)?);
    tasks.spawn("stop", stop(repo.as_ref().clone(), shutdown.clone()));
    watch_threads(&base, &repo, &mut tasks);
    let (wiring, publisher) = Wiring::new(base, repo, wakes);
    repo_commands.open(&wiring);
    tasks.spawn("source", publisher.run(shutdown.clone()));

    wire_deploy_key::spawn(&wiring, loops.deploy_key, keys.current, &mut tasks);
    startup::spawn(&wiring, &mut tasks);
    wire_source::spawn(&wiring, loops.source, loops.repo_condition, findings, &mut tasks);
    // Before automation, which waits for the first pass of each target.
    let home = &wiring.home;
    let synced = wire_sync::spawn(
        &wiring,
        loops.sync,
        async |settings| home.target(settings).await,
        &mut tasks,
    )
    .await?;
    if wiring.config.settings.automation.enabled {
        let registry = Arc::clone(&wiring.registry);
        wire_scan::spawn(&wiring, loops.scan, registry, &mut tasks).await?;
        wire_automation::spawn(&wiring, loops.automation, decisions, &mut tasks).await?;
    }
    let home = wiring
        .config
        .settings
        .sync
        .targets
        .iter()
        .find(|target| target.is_home());
    if let Some(target) = home {
        wire_mirrors::spawn(&wiring, loops.mirrors, target, &mut tasks).await?;
        wire_pull_secrets::spawn(&wiring, loops.pull_secrets, target, &mut tasks);
    }
    if let Some((target, api)) = synced.into_iter().find(|(target, _)| target.runs_releases) {
        wire_releases::spawn(&wiring, loops.releases, &target, api, &mut tasks).await;
    }
    let listen = wiring.config.settings.http.listen;
    tracing::info!(%listen, version = env!("CARGO_PKG_VERSION"), "running");
    // The event queue ends when every reporter is gone.
    drop(wiring);
    tasks.join(&shutdown).await.map_err(anyhow::Error::msg)
}

/// The deploy keys; an API server that is away is waited for.
async fn read_keys(base: &Base, condition: &Condition) -> anyhow::Result<Keys<DeployKey>> {
    let keys = if keys::has_deploy_key(&base.config) {
        let waiting = |reason: String| {
            let event = KeyEvent::Awaited { reason: reason.clone() };
            base.reporter.present(Topic::Key, [event]);
            condition.unmet(reason);
        };
        let keys = keys::store_at(&base.config, &base.home).wait_for_keys(waiting).await?;
        base.reporter.present(Topic::Key, None::<KeyEvent>);
        let key = keys.current.fingerprint();
        base.reporter.happened(KeyEvent::InUse { key });
        keys
    } else {
        keys::unused()?
    };
    condition.met();
    Ok(keys)
}

fn open_repo(base: &Base, keys: &Keys<DeployKey>) -> anyhow::Result<git::Repo> {
    let key = Arc::clone(&keys.current);
    let settings = repo::git_settings(&base.config, key, &base.config.settings.state_dir);
    repo::open(&base.config, settings, base.signing.clone())
}

/// Makes a thread of the repository that hangs fail the liveness probe, and one that panics end the process.
fn watch_threads(base: &Base, repo: &Arc<git::Repo>, tasks: &mut Tasks) {
    let (watched, failing) = (Arc::clone(repo), Arc::clone(repo));
    base.health.check(move |now| watched.stuck(now));
    let failed = async move { failing.failed().await };
    tasks.spawn_guard("config repo", base.shutdown.clone(), failed);
}

/// A pass may wait for the git server for many seconds. The wait must not keep the process from ending.
async fn stop(repo: git::Repo, shutdown: Shutdown) {
    shutdown.begun().await;
    repo.stop();
}
