use crate::config::{Schedule, Settings};
use crate::git::{KnownHosts, RepoUrl};
use crate::scan::{Rule, Rules};
use std::path::PathBuf;

/// Settings whose every part was accepted by the room that it is for, and what the environment says.
pub struct Checked {
    pub(super) settings: Settings,
    pub(super) url: RepoUrl,
    pub(super) known_hosts: KnownHosts,
    pub(super) environment: Environment,
}

/// The environment, read here and nowhere else (the AWS SDK reads its own).
pub(super) struct Environment {
    /// The agent's own namespace.
    pub(super) namespace: Option<String>,
    /// A kubeconfig, outside a cluster.
    pub(super) kubeconfig: Option<PathBuf>,
}

/// What a room would not accept, all of it.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:\n{}", .0.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
pub struct Unusable(Vec<String>);

impl Checked {
    /// Checks what the configuration room cannot know.
    ///
    /// # Errors
    /// Everything that a room would not accept.
    pub fn new(settings: Settings) -> Result<Self, Unusable> {
        let url = RepoUrl::parse(&settings.repo.url).map_err(|error| format!("repo.url: {error}"));
        let known_hosts =
            KnownHosts::parse(&settings.repo.known_hosts).map_err(|error| format!("repo.knownHosts: {error}"));
        match (url, known_hosts) {
            (Ok(url), Ok(known_hosts)) => {
                let environment = Environment {
                    namespace: std::env::var("POD_NAMESPACE").ok().filter(|name| !name.is_empty()),
                    kubeconfig: std::env::var_os("KUBECONFIG")
                        .filter(|path| !path.is_empty())
                        .map(PathBuf::from),
                };
                Ok(Self {
                    settings,
                    url,
                    known_hosts,
                    environment,
                })
            }
            (url, known_hosts) => Err(Unusable([url.err(), known_hosts.err()].into_iter().flatten().collect())),
        }
    }

    pub(super) fn rules(&mut self) -> (Rules, Vec<(String, String)>) {
        let mut windows = Vec::new();
        let rules = std::mem::take(&mut self.settings.registries)
            .into_iter()
            .map(|registry| Rule {
                every: match &registry.schedule {
                    Schedule::Every(period) => Some(*period),
                    Schedule::Cron(expression) => {
                        windows.push((registry.host.clone(), expression.clone()));
                        None
                    }
                },
                host: registry.host,
                filter: registry.filter,
            })
            .collect();
        (Rules::new(rules), windows)
    }
}
