use super::failure::HelmFailure;
use crate::model::SecretBytes;
use crate::release::{InputLabel, RemoteChart};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The namespace and name of a Helm release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFile {
    /// The path in the folder of the chart.
    pub path: String,
    /// The content.
    pub bytes: Arc<Vec<u8>>,
}

/// The chart of an install or upgrade.
#[derive(Clone)]
pub enum ChartSource {
    /// The files of a chart.
    Files(Vec<ChartFile>),
    /// A chart that helm fetches first.
    Remote(RemoteChart),
}

/// A text of values.
#[derive(Clone)]
pub struct TextFile {
    /// The text.
    pub text: Arc<SecretBytes>,
    /// Whether nothing of the text may be shown.
    pub is_secret: bool,
}

/// An install or upgrade.
#[derive(Clone)]
pub struct Upgrade {
    /// The release.
    pub release: ReleaseName,
    /// The chart.
    pub chart: ChartSource,
    /// The values, a later text replacing an earlier one.
    pub values: Vec<TextFile>,
    /// What the new revision is made of.
    pub label: InputLabel,
    /// Shown by `helm history`.
    pub description: String,
    /// How many revisions Helm keeps; 0: all.
    pub max_history: u32,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
    /// Whether Helm waits until the objects are ready.
    pub wait: bool,
    /// Whether Helm itself takes a failure back.
    pub atomic: bool,
    /// Whether the values of the last revision count, too.
    pub reuse_values: bool,
    /// Whether objects are replaced where they cannot be changed.
    pub force: bool,
    /// Whether the chart's `crds` folder is left out.
    pub skip_crds: bool,
    /// Whether Helm sends objects that do not fit the server's schema.
    pub skip_openapi_validation: bool,
}

/// A rollback.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// The release.
    pub release: ReleaseName,
    /// The revision to go back to.
    pub to: u32,
    /// How many revisions Helm keeps; 0: all.
    pub max_history: u32,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
    /// Whether Helm waits until the objects are ready.
    pub wait: bool,
    /// Whether objects are replaced where they cannot be changed.
    pub force: bool,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
}

/// An uninstall.
#[derive(Debug, Clone)]
pub struct Uninstall {
    /// The release.
    pub release: ReleaseName,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
}

/// The helm program.
pub trait HelmProgram: Send + Sync + 'static {
    /// Installs or upgrades a release.
    fn upgrade(&self, upgrade: Upgrade) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Rolls a release back.
    fn rollback(&self, rollback: Rollback) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Runs the tests of a release.
    fn test(&self, release: ReleaseName, timeout: Duration) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Uninstalls a release, with its history. A release that is gone is no failure.
    fn uninstall(&self, uninstall: Uninstall) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Whether a helm process that an earlier agent started still works on the release.
    fn works_on(&self, release: &ReleaseName) -> bool;
}
