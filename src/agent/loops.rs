//! The loops by name, each with its period and deadline, and the handles that wake them. All handles exist before the first
//! loop runs, so that any loop can wake any other.

use super::{AgentConfig, deadlines};
use crate::automation::AutomationReport;
use crate::config::{Settings, TargetSettings};
use crate::deploy_key::KeyReport;
use crate::driver::{Activator, Condition, Health, Loop, Wake};
use crate::mirrors::MirrorReport;
use crate::model::{CommitId, TargetId};
use crate::pull_secrets::PullSecretReport;
use crate::releases::ReleaseReport;
use crate::scan::ScanReport;
use crate::sync::{Activators, SyncEnd};
use std::sync::Arc;
use std::time::Duration;

/// The longest time between two passes of the scan loop. Each repository has a schedule of its own.
const SCAN: Duration = Duration::from_secs(3600);
/// The period of the key loop, which checks for a replaced or a next deploy key. A pass is one small request.
const KEYS: Duration = Duration::from_secs(60);
/// The period of the automation, sync, mirror and pull secret loops. Changes wake these loops; the period catches a wake-up that was missed.
const SAFETY_PERIOD: Duration = Duration::from_secs(300);

/// The loops, before they run.
pub(super) struct Loops {
    pub(super) scan: Loop<ScanReport>,
    pub(super) automation: Loop<AutomationReport>,
    pub(super) source: Loop<Result<CommitId, String>>,
    pub(super) deploy_key: Loop<KeyReport>,
    pub(super) sync: Vec<SyncLoopSlot>,
    pub(super) releases: Loop<ReleaseReport>,
    pub(super) mirrors: Vec<MirrorLoopSlot>,
    pub(super) pull_secrets: Loop<PullSecretReport>,
    /// Met when the deploy key is read.
    pub(super) key_condition: Condition,
    /// Met while the branch can be fetched.
    pub(super) repo_condition: Condition,
}

/// The loop of one target.
pub(super) struct SyncLoopSlot {
    pub(super) target: TargetSettings,
    pub(super) condition: Condition,
    pub(super) this: Loop<SyncEnd>,
    pub(super) wake: Wake,
}

/// Wakes the loops. A loop that is switched off never answers.
#[derive(Clone)]
pub(super) struct Wakes {
    pub(super) scan: Activator<ScanReport>,
    pub(super) automation: Activator<AutomationReport>,
    pub(super) source: Activator<Result<CommitId, String>>,
    pub(super) deploy_key: Activator<KeyReport>,
    pub(super) sync: Activators,
    pub(super) releases: Activator<ReleaseReport>,
    pub(super) mirrors: Vec<(TargetId, Activator<MirrorReport>)>,
    pub(super) pull_secrets: Activator<PullSecretReport>,
}

impl Loops {
    pub(super) fn new(config: &AgentConfig, health: &Health) -> (Wakes, Self) {
        let settings = &config.settings;
        let (scan_loop, scan) = Loop::new("scan", SCAN, deadlines::SCAN, health);
        let (automation_loop, automation) = Loop::new("automate", SAFETY_PERIOD, deadlines::automate(settings), health);
        let (source_loop, source) = Loop::new("follow", settings.repo.poll, deadlines::follow(settings), health);
        let (deploy_key_loop, deploy_key) = Loop::new("keys", KEYS, deadlines::keys(settings), health);
        let (releases_loop, releases) = Loop::new("releases", SAFETY_PERIOD, deadlines::RELEASES, health);
        let (mirrors_loops, mirrors) = mirrors(settings, health);
        let (pull_secrets_loop, pull_secrets) =
            Loop::new("pull-secrets", SAFETY_PERIOD, deadlines::PULL_SECRETS, health);
        let mut sync = Activators::default();
        let targets = settings.sync.targets.iter().filter(|_| settings.sync.enabled);
        let sync_loops = targets.map(|target| {
            let name: Arc<str> = format!("sync/{}", target.id).into();
            let (this, activator) = Loop::new(Arc::clone(&name), SAFETY_PERIOD, deadlines::sync(settings), health);
            let wake = Wake::from(&activator);
            sync.add(target.id.clone(), activator);
            SyncLoopSlot {
                // An agent is ready without the clusters of others, which may be away.
                condition: match target.is_home() {
                    true => health.condition(name, "the first pass has not ended yet"),
                    false => Health::default().condition(name, "the first pass has not ended yet"),
                },
                target: target.clone(),
                this,
                wake,
            }
        });
        let loops = Self {
            scan: scan_loop,
            automation: automation_loop,
            source: source_loop,
            deploy_key: deploy_key_loop,
            sync: sync_loops.collect(),
            releases: releases_loop,
            mirrors: mirrors_loops,
            pull_secrets: pull_secrets_loop,
            key_condition: health.condition("deploy key", "not read yet"),
            repo_condition: health.condition("config repo", "not fetched yet"),
        };
        let wakes = Wakes {
            scan,
            automation,
            source,
            deploy_key,
            sync,
            releases,
            mirrors,
            pull_secrets,
        };
        (wakes, loops)
    }
}

/// The loop that keeps mirrors in the cluster of a target.
pub(super) struct MirrorLoopSlot {
    pub(super) target: TargetSettings,
    pub(super) this: Loop<MirrorReport>,
    pub(super) wake: Wake,
}

/// One loop for each cluster. Several targets may be the agent's own cluster: the first one stands for it.
fn mirrors(settings: &Settings, health: &Health) -> (Vec<MirrorLoopSlot>, Vec<(TargetId, Activator<MirrorReport>)>) {
    let home = settings.sync.targets.iter().find(|target| target.is_home());
    let others = settings.sync.targets.iter().filter(|target| !target.is_home());
    let loops = home.into_iter().chain(others).map(|target| {
        let name = format!("mirrors/{}", target.id);
        let (this, activator) = Loop::new(name, SAFETY_PERIOD, deadlines::MIRRORS, health);
        let slot = MirrorLoopSlot {
            target: target.clone(),
            this,
            wake: Wake::from(&activator),
        };
        (slot, (target.id.clone(), activator))
    });
    loops.unzip()
}
