use super::period::Period;
use super::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// How HelmReleases are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSettings {
    /// False: HelmReleases are applied as objects, and nothing more.
    pub enabled: bool,
    /// The helm program: a path, or a name on the agent's `PATH`.
    pub program: PathBuf,
    /// How often chart repositories and registries are asked for new versions.
    pub chart_interval: Duration,
}

/// How the agent carries out HelmReleases (`helm.fluxcd.io/v1`) of the config repo.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Releases {
    /// `true`: the agent installs, upgrades and uninstalls Helm releases as HelmReleases declare them. `false`: HelmReleases are
    /// applied as objects, and nothing more.
    enabled: bool,
    /// The helm program, version 3.14 or newer or version 4: its path, or its name on the agent's `PATH`.
    program: Text<PathBuf>,
    /// How often the agent asks chart repositories and registries for new versions of the charts of which HelmReleases name ranges.
    chart_interval: Text<Period>,
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            enabled: true,
            program: Text::known("helm"),
            chart_interval: Text::known("5m"),
        }
    }
}

impl Releases {
    pub(super) fn settings(self) -> ReleaseSettings {
        ReleaseSettings {
            enabled: self.enabled,
            program: self.program.value,
            chart_interval: self.chart_interval.value.0,
        }
    }
}
