use crate::config::{Schedule, Settings};
use crate::scan::{Rule, Rules};
use std::path::PathBuf;

/// Checked settings, and what the environment says.
pub struct Checked {
    pub(super) settings: Settings,
    pub(super) environment: Environment,
}

/// The environment, read here and nowhere else (the AWS SDK reads its own).
pub(super) struct Environment {
    /// The agent's own namespace.
    pub(super) namespace: Option<String>,
    /// A kubeconfig, outside a cluster.
    pub(super) kubeconfig: Option<PathBuf>,
}

impl Checked {
    /// The settings in this process' environment.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            environment: Environment {
                namespace: std::env::var("POD_NAMESPACE").ok().filter(|name| !name.is_empty()),
                kubeconfig: std::env::var_os("KUBECONFIG")
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
            },
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn rules(&mut self) -> (Rules, Vec<(String, String)>) {
        let mut windows = Vec::new();
        let rules = std::mem::take(&mut self.settings.registries)
            .into_iter()
            .map(|registry| Rule {
                every: match &registry.schedule {
                    Schedule::Every(period) => Some(*period),
                    Schedule::Cron(expression) => {
                        windows.push((registry.host.clone(), format!("0 {expression}")));
                        None
                    }
                },
                host: registry.host,
                filter: registry.filter,
            })
            .collect();
        let platforms = std::mem::take(&mut self.settings.automation.platforms);
        (Rules::new(rules).for_platforms(platforms), windows)
    }
}
