//! The values that the loops share. They are made once.

use super::home::Home;
use super::loops::Wakes;
use super::renderers::renderers;
use super::{AgentConfig, keys, memory, registries};
use crate::automation::SharedHistory;
use crate::aws::{CallLimits, Sdk};
use crate::driver::{Health, Loop, Pass, PassResult, Shutdown, Tasks, Wake, run as run_loop};
use crate::git::{self, Signing};
use crate::model::{ConfigBranch, Remote};
use crate::notice::{ClusterEventQueue, ClusterEvents, Log, MetricSink, Notifications, Outbox, Reporter};
use crate::port::{
    Branch, ConfigRepo, DeclaredSource, DeniedObjects, InputObjects, ObjectHealths, Renderer, ScanState,
};
use crate::registry::Router;
use crate::source::{self, Publisher, Reader, TargetPaths};
use crate::status::LandedCommits;
use crate::telemetry::{Metrics, Outcome};
use anyhow::Context as _;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

/// The values that exist before the deploy key is read.
pub(super) struct Base {
    core: Core,
    /// The cluster that the agent runs in.
    pub(super) home: Home,
    /// The key that signs commits.
    pub(super) signing: Option<Signing>,
    /// The registries. Everybody reads them with these clients, so that the rate of each registry is kept.
    pub(super) registry: Arc<Router>,
}

/// The values that every loop shares, whatever the edges are.
pub(super) struct Core {
    pub(super) config: Arc<AgentConfig>,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) reporter: Reporter,
    pub(super) shutdown: Shutdown,
    pub(super) branch: Branch,
    pub(super) scan_state: Arc<ScanState>,
    /// The history of the branch, as far as it has been read.
    pub(super) history: SharedHistory,
    /// The objects that the agent may not apply.
    pub(super) denied: DeniedObjects,
    /// The programs that make objects of folders.
    pub(super) renderers: Vec<Arc<dyn Renderer>>,
    /// The ConfigMaps and Secrets that readings depend on.
    pub(super) inputs: Option<Arc<dyn InputObjects>>,
    /// How the workloads are that the sync loops apply.
    pub(super) healths: ObjectHealths,
    /// The credentials of every identity. Everybody calls AWS with these, so that each role is assumed once.
    pub(super) aws: Sdk,
    /// Returns a number in `0.0..=1.0`, another number for each call.
    pub(super) jitter: fn() -> f64,
}

/// The values that every loop is built from. The running agent has its edges in `B` and `G`; a simulation of the loops has fakes.
pub(super) struct Wiring<B = Base, G = git::Repo> {
    base: B,
    pub(super) repo: Arc<G>,
    /// Reads what commits declare.
    pub(super) declared: Arc<dyn DeclaredSource>,
    pub(super) wakes: Wakes,
}

impl Base {
    /// Makes the values. Only a signing key in a Secret needs a connection at this point.
    pub(super) async fn new(
        config: AgentConfig,
        shutdown: Shutdown,
    ) -> anyhow::Result<(Self, ClusterEventQueue, LandedCommits, Vec<Outbox>)> {
        let metrics = Metrics::new();
        let (cluster_events, queue) = ClusterEvents::new();
        let landed = LandedCommits::default();
        let rules = config
            .settings
            .notifications
            .iter()
            .map(|notification| notification.rule.clone());
        let (notifications, outboxes) = Notifications::new(rules.collect(), &metrics);
        // A further sink is a line here.
        let reporter = Reporter::new(vec![
            Box::new(Log),
            Box::new(MetricSink::new(metrics.clone())),
            Box::new(cluster_events),
            Box::new(landed.clone()),
            Box::new(notifications),
        ]);
        let core = Core::new(Arc::new(config), metrics, reporter, shutdown, jitter);
        let config = &core.config;
        let home = Home::connect(config, &core.aws).await?;
        let renderers = renderers(config, Some(&home)).await;
        let inputs = home.inputs();
        let base = Self {
            home,
            signing: keys::signing(config).await?,
            registry: Arc::new(registries::router(
                &core.config.settings.registries,
                &core.aws,
                core.metrics.clone(),
            )),
            core: Core {
                renderers,
                inputs: Some(inputs),
                ..core
            },
        };
        Ok((base, queue, landed, outboxes))
    }
}

impl Deref for Base {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl Core {
    pub(super) fn new(
        config: Arc<AgentConfig>,
        metrics: Metrics,
        reporter: Reporter,
        shutdown: Shutdown,
        jitter: fn() -> f64,
    ) -> Self {
        Self {
            config,
            health: Health::default(),
            metrics,
            reporter,
            shutdown,
            branch: Branch::default(),
            scan_state: Arc::default(),
            history: SharedHistory::default(),
            denied: DeniedObjects::default(),
            renderers: Vec::new(),
            inputs: None,
            healths: ObjectHealths::default(),
            aws: Sdk::new(CallLimits::default()),
            jitter,
        }
    }
}

impl<B, G> Deref for Wiring<B, G> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.base
    }
}

impl<B: Deref<Target = Core>, G: ConfigRepo> Wiring<B, G> {
    /// The wiring, and the task that reads what commits declare.
    pub(super) fn new(base: B, repo: Arc<G>, wakes: Wakes) -> (Self, Publisher<G>) {
        let (renderers, inputs) = (base.renderers.clone(), base.inputs.clone());
        let reader = source_reader(&base.config, renderers, inputs, base.metrics.clone());
        let (declared, publisher) = source::publisher(reader, Arc::clone(&repo), base.branch.clone());
        let (automate, sync) = (Wake::from(&wakes.automation), wakes.sync.clone());
        let publisher = publisher.on_change(move || {
            automate.wake();
            sync.activate();
        });
        let wiring = Self {
            base,
            repo,
            declared: Arc::new(declared),
            wakes,
        };
        (wiring, publisher)
    }

    /// Runs a loop as a task of the same name. Its passes are counted.
    pub(super) fn spawn_loop<P: Pass>(&self, this: Loop<P::Report>, work: P, tasks: &mut Tasks) {
        let metrics = self.metrics.clone();
        let ended = move |name: &Arc<str>, result, took| {
            let outcome = match result {
                PassResult::Ok => Outcome::Ok,
                PassResult::Partial => Outcome::Partial,
                PassResult::Failed | PassResult::TimedOut => Outcome::Failed,
            };
            metrics.pass_ended(name, outcome, took);
        };
        tasks.spawn(
            this.name(),
            run_loop(this, work, self.shutdown.clone(), self.jitter, ended),
        );
    }
}

/// Reads what the configured targets apply.
pub(super) fn source_reader(
    config: &AgentConfig,
    renderers: Vec<Arc<dyn Renderer>>,
    inputs: Option<Arc<dyn InputObjects>>,
    metrics: Metrics,
) -> Reader {
    let settings = &config.settings;
    let targets = settings.sync.targets.iter().map(|target| TargetPaths {
        target: target.id.clone(),
        paths: target.paths.clone(),
        runs_releases: target.runs_releases || !settings.releases.enabled,
    });
    let reader = Reader::new(targets.collect(), renderers, metrics).of_branch(ConfigBranch {
        remote: Remote::parse(&settings.repo.url.to_string()),
        branch: settings.repo.branch.clone(),
    });
    let reader = match &settings.sync.substitute {
        Some(substitute) => reader.substituting(substitute.clone(), inputs.clone()),
        None => reader,
    };
    let reader = match settings.sync.carries_out_flux {
        true => reader.carrying_out(inputs),
        false => reader,
    };
    match memory::for_manifests() {
        Some(room) => reader.with_room(room),
        None => reader,
    }
}

/// Writes queued Kubernetes events, about the record of the first target.
pub(super) fn write_events(
    queue: ClusterEventQueue,
    base: &Base,
) -> anyhow::Result<impl Future<Output = ()> + Send + use<>> {
    let target = base.config.settings.sync.targets.first();
    let events = base.home.events(target.context("sync: there is no target")?);
    let shutdown = base.shutdown.clone();
    Ok(async move {
        queue.write_all(&events, shutdown.begun()).await;
    })
}

/// A number in `0.0..=1.0`, another number for each call and process. Any spread will do.
pub(super) fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
