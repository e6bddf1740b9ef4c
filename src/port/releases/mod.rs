//! What the loop of releases asks of others: the cluster with the HelmReleases and Helm's storage, and the helm program.

mod cluster;
mod failure;
mod program;
mod view;

pub use cluster::ReleaseCluster;
pub use failure::{HelmFailure, HelmProblem};
pub use program::{ChartFile, ChartSource, HelmProgram, TextFile, Upgrade};
pub use view::{HelmRelease, ReleaseView, SourceText};
