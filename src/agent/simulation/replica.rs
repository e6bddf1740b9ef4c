//! One process of the agent: the real loops, wired as in the running agent, on fake ports.

use super::api_server::ApiServer;
use super::link::Link;
use super::mirror::Mirror;
use super::random::jitter;
use super::registry::RemoteRegistry;
use super::watches;
use super::world::World;
use crate::agent::AgentConfig;
use crate::agent::loops::{Loops, Wakes};
use crate::agent::settings::Environment;
use crate::agent::wiring::{Core, Wiring};
use crate::agent::{wire_automation, wire_scan, wire_source, wire_sync};
use crate::config::TargetSettings;
use crate::driver::{Shutdown, Tasks};
use crate::notice::Reporter;
use crate::resource::{Protected, SetName};
use crate::sync::{SyncEnd, Target, WaitingDeletions};
use crate::telemetry::Metrics;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// A running process. It dies when it is dropped: its tasks end wherever they wait.
pub(super) struct Replica {
    pub(super) who: usize,
    wakes: Wakes,
    _tasks: Tasks,
}

const CONFIG: &str = "repo: {url: \"ssh://git@git.example/acme/fleet.git\"}\n";

thread_local! {
    static SETTINGS: Arc<AgentConfig> = Arc::new(AgentConfig {
        settings: crate::config::read("tidegate.yaml", CONFIG).unwrap_or_else(|error| panic!("{error}")),
        environment: Environment { namespace: Some("tidegate".to_owned()), pod: None, kubeconfig: None },
    });
}

impl Replica {
    /// Starts a process that knows nothing yet.
    pub(super) async fn start(world: &World, who: usize) -> Self {
        world.lock().note(who, "start", format_args!(""));
        let link = Link {
            world: world.clone(),
            who,
        };
        let config = SETTINGS.with(Arc::clone);
        let (metrics, reporter) = (Metrics::new(), Reporter::new(Vec::new()));
        let core = Core::new(config, metrics, reporter, Shutdown::default(), jitter);
        let (wakes, loops) = Loops::new(&core.config, &core.health);
        let repo = Arc::new(Mirror::new(link.clone()));
        let (wiring, publisher) = Wiring::new(Box::new(core), repo, wakes.clone());
        let mut tasks = Tasks::default();
        tasks.spawn("source", publisher.run(wiring.shutdown.clone()));
        let findings = watch::Sender::new(Arc::from([]));
        wire_source::spawn(&wiring, loops.source, loops.repo_condition, findings, &mut tasks);
        let set = |target: &TargetSettings| SetName {
            namespace: "tidegate".to_owned(),
            name: target.set.clone(),
        };
        let mut servers = Vec::new();
        for slot in &loops.sync {
            let api = Arc::new(ApiServer::new(link.clone(), set(&slot.target)));
            tasks.spawn("watches", watches::follow(Arc::clone(&api)));
            servers.push(api);
        }
        let target = async |settings: &TargetSettings| {
            let api = servers.first().expect("a target");
            Ok(Target {
                id: settings.id.clone(),
                api: Arc::clone(api),
                record: Arc::clone(api),
                protected: Protected {
                    fence: Vec::new(),
                    namespaces: BTreeSet::from(["tidegate".to_owned()]),
                    objects: BTreeSet::from([set(settings).object()]),
                },
            })
        };
        let synced = wire_sync::spawn(&wiring, loops.sync, target, &mut tasks).await;
        synced.expect("every target is there");
        let (decisions, _) = wire_automation::decisions();
        let registry = Arc::new(RemoteRegistry(link));
        let scan = wire_scan::spawn(&wiring, loops.scan, registry, &mut tasks).await;
        scan.expect("there are no cron windows");
        let automation = wire_automation::spawn(&wiring, loops.automation, decisions, &mut tasks).await;
        automation.expect("there is no forge");
        Self {
            who,
            wakes,
            _tasks: tasks,
        }
    }

    /// The deletions that wait for a person, by the last pass.
    pub(super) fn waiting(&self) -> Option<WaitingDeletions> {
        let (_, activator) = self.wakes.sync.loops().next()?;
        let status = activator.status();
        let status = status.borrow();
        match &status.last.as_ref()?.report {
            SyncEnd::Ran(report) => report.waiting.clone(),
            SyncEnd::Failed(_) => None,
        }
    }
}
