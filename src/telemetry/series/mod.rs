//! The series, one file for each subject: names, help texts and units, and how an event changes them.

mod count;
mod delivery;
mod mirrors;
mod notifications;
mod passes;
mod pull_secrets;
mod releases;
mod repo_access;
mod scan;
mod sync;

pub(super) use delivery::Delivery;
pub(super) use mirrors::Mirrors;
pub(crate) use notifications::Notifications;
pub(super) use passes::Passes;
pub(super) use pull_secrets::PullSecrets;
pub(super) use releases::Releases;
pub(super) use repo_access::RepoAccess;
pub(super) use scan::Scan;
pub(super) use sync::Sync;
