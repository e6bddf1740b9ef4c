use super::failure::HelmFailure;
use crate::model::SecretBytes;
use crate::release::{InputLabel, ReleaseName, RemoteChart, Spec};
use std::future::Future;
use std::sync::Arc;

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
    /// A chart in an exact version, which is fetched first.
    Remote {
        /// The chart.
        chart: RemoteChart,
        /// The login, if the repository asks for one.
        login: Option<ChartLogin>,
    },
}

/// User and password for a chart repository or registry.
#[derive(Clone)]
pub struct ChartLogin {
    /// The user.
    pub user: Arc<SecretBytes>,
    /// The password.
    pub password: Arc<SecretBytes>,
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
    /// The release, and how helm works on it.
    pub spec: Arc<Spec>,
    /// The chart.
    pub chart: ChartSource,
    /// The values, a later text replacing an earlier one.
    pub values: Vec<TextFile>,
    /// What the new revision is made of.
    pub label: InputLabel,
    /// Shown by `helm history`.
    pub description: String,
}

/// The helm program.
pub trait HelmProgram: Send + Sync + 'static {
    /// Installs or upgrades a release.
    fn upgrade(&self, upgrade: Upgrade) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Rolls a release back to this revision.
    fn rollback(&self, spec: &Spec, to: u32) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Runs the tests of a release.
    fn test(&self, spec: &Spec) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// Uninstalls a release, with its history. A release that is gone is no failure.
    fn uninstall(&self, spec: &Spec) -> impl Future<Output = Result<(), HelmFailure>> + Send;

    /// The versions of a chart in a chart repository. An index that has not changed is not sent again.
    fn versions(
        &self,
        chart: &RemoteChart,
        login: Option<&ChartLogin>,
    ) -> impl Future<Output = Result<Vec<String>, HelmFailure>> + Send;

    /// Whether a helm process that an earlier agent started still works on the release.
    fn works_on(&self, release: &ReleaseName) -> impl Future<Output = bool> + Send;
}
