//! What a HelmRelease asks for, what Helm's storage shows of its release, and what is to be done next.
//!
//! [`Spec`] is the HelmRelease as it is meant, with the defaults of Helm Operator; what cannot be carried out is refused with a
//! sentence. [`Revision`] is one entry of Helm's storage. [`next`] compares the two and names one [`Action`]; [`next_removal`]
//! does so for a release that is to go. [`Status`] is what people see on the HelmRelease, and where the tries are counted.
//!
//! What holds:
//! - Whether a release is up to date is decided by a digest of the chart's files and the values, which is a label of the revision
//!   in Helm's storage. The label names the number of its revision, too, so that a copy of the label on a revision that somebody
//!   else made says nothing.
//! - Every state of a release has a way out, and no way out purges a release. A release is uninstalled only when its
//!   HelmRelease goes.
//! - Tries of the same input are counted, wait longer each time, and end.
//!
//! Pure: no clock, no cluster, no helm. Deliberately absent: how charts and values are read.

mod action;
mod chart;
mod chart_source;
mod digest;
mod failure_text;
mod name;
mod objects;
mod record;
mod refusal;
mod revision;
mod sources;
mod spec;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod tries;
mod written;

pub use action::{Action, Next, Situation, next, next_removal};
pub use chart::{Chart, RemoteChart};
pub(crate) use digest::below;
pub use digest::{ChartDigest, InputDigest, InputLabel, LABEL};
pub use failure_text::failure_text;
pub use name::ReleaseName;
pub use objects::{
    DriftRules, HELM_MANAGER, MANAGED_BY, ObjectMark, ObjectsStatus, SeenObjects, object_body, release_of,
};
pub use record::{RecordError, manifests, mark_failed};
pub use refusal::Refusal;
pub use revision::{Revision, RevisionStatus, is_release_secret};
pub use sources::{SourceKey, SourceObject, ValuesSource};
pub use spec::{Rollback, Spec, Test};
pub use state::State;
pub use status::{ConditionKind, Outcome, Phase, Status};
pub use tries::Tries;
