//! What the loop of releases asks of others: the cluster with the HelmReleases and Helm's storage, and the helm program.

mod cluster;
mod failure;
mod objects;
mod program;
mod view;

pub use cluster::ReleaseCluster;
pub use failure::{HelmFailure, HelmProblem};
pub use objects::{Compared, ReleaseObject, ReleaseObjects, Repair};
pub use program::{ChartFile, ChartLogin, ChartSource, HelmProgram, TextFile, Upgrade};
pub use view::{HelmRelease, KindState, ReleaseView, SourceText};
