use super::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// How HelmReleases are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSettings {
    /// False: HelmReleases are applied as objects, and nothing more.
    pub enabled: bool,
    /// The helm program: a path, or a name on the agent's `PATH`.
    pub program: PathBuf,
}

/// How the agent carries out HelmReleases (`helm.fluxcd.io/v1`) of the config repo.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Releases {
    /// `true`: the agent installs, upgrades and uninstalls Helm releases as HelmReleases declare them. `false`: HelmReleases are
    /// applied as objects, and nothing more.
    enabled: bool,
    /// The helm program, version 3.14 or newer or version 4: its path, or its name on the agent's `PATH`.
    program: Text<PathBuf>,
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            enabled: true,
            program: Text::known("helm"),
        }
    }
}

impl Releases {
    pub(super) fn settings(self) -> ReleaseSettings {
        ReleaseSettings {
            enabled: self.enabled,
            program: self.program.value,
        }
    }
}
