use crate::config::{Schedule, Settings};
use crate::model::Wildcard;
use crate::policy::{ScanRule, ScanRules};
use std::path::PathBuf;

/// The settings of a configuration without mistakes, and the environment.
pub struct AgentConfig {
    pub(super) settings: Settings,
    pub(super) environment: Environment,
}

/// The environment variables that say which cluster the agent runs in. The command line reads the others.
pub(super) struct Environment {
    /// The agent's own namespace.
    pub(super) namespace: Option<String>,
    /// The pod that this process runs in.
    pub(super) pod: Option<String>,
    /// The path of a kubeconfig, outside a cluster.
    pub(super) kubeconfig: Option<PathBuf>,
}

impl AgentConfig {
    /// Reads the environment of this process.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            environment: Environment {
                namespace: variable("POD_NAMESPACE"),
                pod: variable("POD_NAME"),
                kubeconfig: std::env::var_os("KUBECONFIG")
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
            },
        }
    }

    /// The settings alone.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which repositories and tags may be scanned, how often, and for which platforms.
    pub(super) fn scan_rules(&self) -> ScanRules {
        let registries = self.settings.registries.iter();
        let rules = registries.map(|registry| ScanRule {
            host: Wildcard::new(registry.host.clone()),
            filter: registry.filter.clone(),
            every: match &registry.schedule {
                Schedule::Every(period) => Some(*period),
                Schedule::Cron(_) => None,
            },
        });
        ScanRules::new(rules.collect()).for_platforms(self.settings.automation.platforms.clone())
    }

    /// The registries that are scanned at the times of a cron expression: host pattern, expression with seconds.
    pub(super) fn scan_windows(&self) -> Vec<(String, String)> {
        let registries = self.settings.registries.iter();
        let windows = registries.filter_map(|registry| match &registry.schedule {
            Schedule::Cron(expression) => Some((registry.host.clone(), format!("0 {expression}"))),
            Schedule::Every(_) => None,
        });
        windows.collect()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
