use super::access_check::{AccessCheck, LoginLoop, announce};
use super::commands::AgentCommands;
use super::key_loop::{KeyLoop, ToldOfKeys, wake_when_refused};
use super::landed_commits::LandedCommits;
use super::signer_check::SignerCheck;
use super::{AgentConfig, deadlines, keys, schedule, startup_check, wiring};
use crate::automation::{self, Automation, CommitStyle, Landed, Status};
use crate::aws::{CallLimits, Sdk};
use crate::catalog::Catalog;
use crate::driver::{Activator, Health, Loop, Shutdown, Tasks, Wake, on_signals, run as run_loop};
use crate::follow::{Follower, Tip};
use crate::http::{self, TokenFile};
use crate::notice::{ClusterEvents, Log, MetricSink, Reporter};
use crate::port::ScanState;
use crate::port::{EventWriter, TargetApi};
use crate::registry::{ReadLimits, Router};
use crate::scan::Scanner;
use crate::sync::{Activators, PassReporter, SyncLoop, Syncer};
use crate::telemetry::{Metrics, Outcome};
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Whether the deploy key was changed, or another lies beside it: one small request.
const KEYS: Duration = Duration::from_secs(60);
/// The automation and sync loops are woken by what they depend on; the period is the net below.
const NET: Duration = Duration::from_secs(300);

/// Runs the agent until it is told to stop.
///
/// # Errors
/// What kept it from starting, or what ended it early.
pub async fn run(checked: AgentConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let aborted = on_signals(shutdown.clone()).context("signal handlers cannot be installed")?;
    tokio::select! {
        ended = serve(checked, shutdown) => ended,
        () = aborted => anyhow::bail!("aborted by a second signal"),
    }
}

async fn serve(checked: AgentConfig, shutdown: Shutdown) -> anyhow::Result<()> {
    let health = Health::default();
    let metrics = Metrics::new();
    let rules = Arc::new(checked.scan_rules());
    let checked = Arc::new(checked);
    let home = wiring::Home::connect(&checked).await?;
    let secrets = Arc::new(home.secrets());
    let signing = wiring::signing(&checked).await?;
    let settings = &checked.settings;
    let listen = settings.http.listen;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("http.listen: cannot listen on {listen}; is the port taken?"))?;

    let key_condition = health.condition("deploy key", "not read yet");
    let git_condition = health.condition("config repo", "not fetched yet");
    let first_target = settings.sync.targets.first().context("sync: there is no target")?;
    let events = Arc::new(home.events(first_target));
    let mut sync = Activators::default();
    let mut sync_loops = Vec::new();
    for target in settings.sync.targets.iter().filter(|_| settings.sync.enabled) {
        let name: Arc<str> = format!("sync/{}", target.id).into();
        let condition = health.condition(Arc::clone(&name), "the first pass has not ended yet");
        let (sync_loop, activator) = Loop::new(Arc::clone(&name), NET, deadlines::sync(settings), &health);
        sync.add(target.id.clone(), activator.clone());
        sync_loops.push((name, target, condition, sync_loop, activator));
    }

    let scan_state = Arc::new(ScanState::default());
    let tip = Tip::default();
    let catalog = Arc::new(Mutex::new(Catalog::new(settings.repo.paths.clone(), metrics.clone())));
    let (status, status_seen) = watch::channel(Arc::new(Status::default()));

    let (scan_loop, scan) = Loop::new("scan", Duration::from_secs(3600), deadlines::SCAN, &health);
    let (automate_loop, automate) = Loop::new("automate", NET, deadlines::automate(settings), &health);
    let (follow_loop, follow) = Loop::new("follow", settings.repo.poll, deadlines::follow(settings), &health);
    let (keys_loop, keys) = Loop::new("keys", KEYS, deadlines::keys(settings), &health);

    let journal = LandedCommits::default();
    let mut tasks = Tasks::default();
    let commands = AgentCommands {
        scan_state: Arc::clone(&scan_state),
        journal: journal.clone(),
        scan: scan.clone(),
        automate: automate.clone(),
        follow: follow.clone(),
        sync: sync.clone(),
        status: status_seen,
        keys: keys.clone(),
        tip: tip.clone(),
        branch: settings.repo.branch.clone(),
    };
    let server = http::Server {
        commands: Arc::new(commands),
        health: Arc::new(health.clone()),
        metrics: metrics.clone(),
        token: TokenFile::new(settings.http.token_file.clone()),
        hook_secret: TokenFile::new(settings.http.webhook_secret_file.clone()),
        limits: http::ServerLimits::default(),
    };
    let draining = shutdown.clone();
    tasks.spawn("http", async move {
        if let Err(error) = http::serve(listener, server, async move { draining.begun().await }).await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });

    let told = std::sync::atomic::AtomicBool::new(false);
    let key = keys::deploy_keys_in_time(&checked, &*secrets, |reason| {
        if !told.swap(true, std::sync::atomic::Ordering::Relaxed) {
            tracing::warn!(%reason, "waiting for the deploy key");
        }
        key_condition.unmet(reason);
    });
    let key = tokio::select! {
        keys = key => match keys {
            Ok(keys) => keys.current,
            Err(error) => {
                shutdown.begin();
                return Err(error);
            }
        },
        () = shutdown.begun() => return tasks.join(&shutdown).await.map_err(anyhow::Error::msg),
    };
    key_condition.met();
    if wiring::has_deploy_key(&checked) {
        tracing::info!(fingerprint = %key.fingerprint(), "deploy key");
    }
    let repo = Arc::new(wiring::repo(
        &checked,
        wiring::git_settings(&checked, Arc::clone(&key), &settings.state_dir),
        signing.clone(),
    )?);
    tasks.spawn("stop", stop(repo.as_ref().clone(), shutdown.clone()));

    let observed = |metrics: &Metrics| {
        let metrics = metrics.clone();
        move |name: &Arc<str>, well, took| {
            metrics.pass_ended(name, if well { Outcome::Ok } else { Outcome::Failed }, took);
        }
    };
    let moved = {
        let (automate, sync) = (automate.clone(), sync.clone());
        move || {
            automate.activate();
            sync.activate();
        }
    };
    let listed = SignerCheck::new(signing);
    let rights = AccessCheck::new(Arc::clone(&checked), Arc::clone(&events), metrics.clone());
    let changed = {
        let (automate, follow) = (automate.clone(), follow.clone());
        move || {
            follow.activate();
            automate.activate();
        }
    };
    if wiring::has_deploy_key(&checked) {
        let key_work = KeyLoop {
            checked: Arc::clone(&checked),
            secrets,
            events: Arc::clone(&events),
            repo: Arc::clone(&repo),
            in_use: key,
            changed,
            told: ToldOfKeys::default(),
            rights,
            listed,
            shutdown: shutdown.clone(),
        };
        tasks.spawn(
            "keys",
            run_loop(keys_loop, key_work, shutdown.clone(), jitter, observed(&metrics)),
        );
        let wake = move || keys.activate();
        tasks.spawn(
            "key refusals",
            wake_when_refused(Arc::clone(&repo), wake, shutdown.clone()),
        );
    } else {
        let login_work = LoginLoop {
            rights,
            listed,
            key,
            changed,
            shutdown: shutdown.clone(),
        };
        tasks.spawn(
            "login",
            run_loop(keys_loop, login_work, shutdown.clone(), jitter, observed(&metrics)),
        );
    }
    let arrived = startup_check::tell(
        Arc::clone(&repo),
        Arc::clone(&catalog),
        tip.clone(),
        settings.sync.enabled.then(|| home.target(first_target).record),
        Arc::clone(&events),
        Arc::clone(&checked),
        shutdown.clone(),
    );
    tasks.spawn("arrival", arrived);
    tasks.spawn(
        "trust",
        trust(
            tip.clone(),
            Arc::clone(&events),
            metrics.clone(),
            moved.clone(),
            shutdown.clone(),
        ),
    );
    let follower = Follower::new(Arc::clone(&repo), tip.clone(), git_condition, moved);
    tasks.spawn(
        "follow",
        run_loop(follow_loop, follower, shutdown.clone(), jitter, observed(&metrics)),
    );

    if settings.automation.enabled {
        let registry = Arc::new(Router::new(
            Sdk::new(CallLimits::default()),
            ReadLimits::default(),
            metrics.clone(),
        ));
        let changed = {
            let automate = automate.clone();
            move || automate.activate()
        };
        let scanner = Scanner::new(
            registry,
            Arc::clone(&scan_state),
            Arc::clone(&rules),
            metrics.clone(),
            changed,
            jitter,
        );
        tasks.spawn(
            "scan",
            run_loop(scan_loop, scanner, shutdown.clone(), jitter, observed(&metrics)),
        );
        tasks.spawn(
            "events",
            bump_events(Arc::clone(&events), journal.clone(), shutdown.clone()),
        );
        let automation = Automation::new(automation::Dependencies {
            repo: Arc::clone(&repo),
            catalog: Arc::clone(&catalog),
            scan_state: Arc::clone(&scan_state),
            rules: Arc::clone(&rules),
            tip: tip.clone(),
            style: CommitStyle {
                template: settings.automation.message.clone(),
                per: settings.automation.commit_per,
            },
            until: settings.automation.hold,
            status,
            metrics: metrics.clone(),
            scan: Wake::from(&scan),
            sync: Wake::new({
                let sync = sync.clone();
                move || sync.activate()
            }),
            landed: Box::new(move |landed| journal.note(landed)),
            jitter,
            proposals: wiring::side(settings).await?.map(Arc::new),
        });
        tasks.spawn(
            "automate",
            run_loop(automate_loop, automation, shutdown.clone(), jitter, observed(&metrics)),
        );
        let scheduler =
            schedule::start(checked.scan_windows(), Arc::clone(&scan_state), move || scan.activate()).await?;
        tasks.spawn("windows", schedule::keep(scheduler, shutdown.clone()));
    }

    let (cluster_events, queue) = ClusterEvents::new();
    let reporter = Reporter::new(vec![
        Box::new(Log),
        Box::new(MetricSink::new(metrics.clone())),
        Box::new(cluster_events),
    ]);
    let drain = shutdown.clone();
    tasks.spawn("cluster events", async move {
        queue.write_all(&*events, async { drain.begun().await }).await;
        drain.begun().await;
    });
    for (name, target, condition, sync_loop, activator) in sync_loops {
        let target = home.target(target);
        let api = Arc::clone(&target.api);
        tasks.spawn(
            format!("drift of {}", target.id),
            drift(api, activator, shutdown.clone()),
        );
        let work = SyncLoop {
            reporter: PassReporter::new(target.id.clone(), reporter.clone(), metrics.clone()),
            syncer: Syncer::new(target, settings.sync.deletions),
            confirmed: settings.sync.confirm,
            repo: Arc::clone(&repo),
            catalog: Arc::clone(&catalog),
            tip: tip.clone(),
            condition,
        };
        tasks.spawn(
            name,
            run_loop(sync_loop, work, shutdown.clone(), jitter, observed(&metrics)),
        );
    }
    tracing::info!(%listen, version = env!("CARGO_PKG_VERSION"), "running");
    tasks.join(&shutdown).await.map_err(anyhow::Error::msg)
}

/// A pass may wait for the git server for many seconds; it must not keep the process from ending.
async fn stop(repo: crate::git::Repo, shutdown: Shutdown) {
    shutdown.begun().await;
    repo.stop();
}

/// Wakes the sync loop at each change that the watches see.
async fn drift<A: TargetApi, R: Clone + Send + Sync>(api: Arc<A>, sync: Activator<R>, shutdown: Shutdown) {
    let mut changes = api.observed().subscribe();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            changed = changes.changed() => match changed {
                Ok(()) => sync.activate(),
                Err(_) => return,
            },
        }
    }
}

/// Tells of a tip that is not applied, for as long as it is not.
async fn trust<E: EventWriter>(tip: Tip, events: Arc<E>, metrics: Metrics, changed: impl Fn(), shutdown: Shutdown) {
    let mut changes = tip.withholding();
    loop {
        let problem = changes.borrow_and_update().clone();
        metrics.tip_withheld(problem.is_some());
        if let Some(message) = problem {
            announce(&*events, true, "TipNotVerified", message).await;
        }
        changed();
        tokio::select! {
            () = shutdown.begun() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Writes an event for each landed commit, out of the automation loop's way.
async fn bump_events<E: EventWriter>(events: Arc<E>, journal: LandedCommits, shutdown: Shutdown) {
    let mut landings = journal.subscribe();
    let mut told = journal.mark();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            landed = landings.changed() => if landed.is_err() { return },
        }
        let entries = journal.since(told);
        told += entries.len();
        for landed in entries {
            announce(&*events, false, "Bumped", said(&landed)).await;
        }
    }
}

fn said(landed: &Landed) -> String {
    let bumps: Vec<String> = landed
        .bumps
        .iter()
        .map(|bump| format!("{} to {}", bump.field, bump.to))
        .collect();
    format!("commit {}: {}", landed.commit, bumps.join(", "))
}

/// A number in `0.0..=1.0`, another for each call and process; no quality is asked of it.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
