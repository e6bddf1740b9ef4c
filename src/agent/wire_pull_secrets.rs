//! The loop that keeps pull secrets, and the task that wakes it.

use super::waking::wake_on_change;
use super::wiring::Wiring;
use crate::config::{PullSecretSettings, TargetSettings};
use crate::driver::{Loop, Tasks, Wake};
use crate::port::{PullSecretCluster as _, PullTokens};
use crate::pull_secrets::{Parts, PullSecretLoop, PullSecretReport};
use crate::spread::PullRule;
use crate::status::{PullSecretsStatus, Snapshot};
use jiff::Timestamp;
use std::sync::Arc;

/// Spawns the loop for a target.
pub(super) fn spawn(wiring: &Wiring, this: Loop<PullSecretReport>, target: &TargetSettings, tasks: &mut Tasks) {
    let cluster = Arc::new(wiring.home.pull_secrets(target));
    let source = Arc::clone(&wiring.registry);
    let wake = Wake::from(&wiring.wakes.pull_secrets);
    let waking = wake_on_change(cluster.changes(), wake.clone(), wiring.shutdown.clone());
    tasks.spawn("changes of pull secrets", waking);
    let rules = wiring.config.settings.pull_secrets.iter();
    let work = PullSecretLoop::new(Parts {
        target: target.id.clone(),
        cluster,
        rules: rules.map(|rule| rule_of(rule, &*source)).collect(),
        source,
        reporter: wiring.reporter.clone(),
        metrics: wiring.metrics.clone(),
        wake,
        clock: Arc::new(Timestamp::now),
        jitter: wiring.jitter,
    });
    wiring.spawn_loop(this, work, tasks);
}

fn rule_of(settings: &PullSecretSettings, source: &impl PullTokens) -> PullRule {
    let hosts = settings.registries.iter();
    PullRule {
        secret: settings.secret.clone(),
        form: settings.form,
        hosts: hosts
            .filter_map(|host| Some((host.clone(), source.key(host)?)))
            .collect(),
        namespaces: settings.namespaces.clone(),
        service_accounts: settings.service_accounts.clone(),
    }
}

/// What the loop adds to the status.
pub(super) fn status(report: &PullSecretReport, snapshot: &mut Snapshot) {
    snapshot.pull_secrets = PullSecretsStatus {
        count: report.secrets,
        off: report.off.clone(),
        problems: report.problems.clone(),
    };
}
