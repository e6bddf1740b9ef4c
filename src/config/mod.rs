//! The agent's own file, `tidegate.yaml`: from its text to the checked [`Settings`].
//!
//! Each section of the file has a file here with two forms of it: what a user writes (serde types, from which the JSON schema
//! and the documented table of keys are generated) and what the agent uses (settings with defaults filled in). Reading goes
//! text -> YAML value -> written form -> settings.
//!
//! - All mistakes of a file are listed at once, each with its path and line. The agent starts only without mistakes.
//! - An unknown key is a mistake; the message suggests the closest key of the same section.
//! - A room owns the settings that only it uses (`forge`, `git`, `http`, `resource`); the sections here fill them in.
//! - The chart renders the file from `values.yaml` with the same keys.
//! - Files that the settings name (keys, tokens) are not opened here.

mod automation;
mod cron;
mod email;
mod expansion;
mod file;
mod http;
mod identity;
mod keys;
mod leader_election;
mod lines;
mod mirrors;
mod mistake;
#[cfg(test)]
mod notification_tests;
mod notifications;
mod period;
mod pull_secrets;
mod push;
mod receivers;
mod registries;
mod releases;
mod render;
mod repo;
mod report;
mod schema;
mod size;
mod spread;
mod substitute;
mod sync;
mod targets;
#[cfg(test)]
mod tests;
mod text;
mod written;

pub use automation::AutomationSettings;
pub use file::{Settings, read};
pub use keys::{KeySource, SigningKey};
pub use leader_election::LeaderElectionSettings;
pub use mistake::{Error, Mistake};
pub use notifications::NotificationSettings;
pub use pull_secrets::PullSecretSettings;
pub use push::Push;
pub use registries::{RegistrySettings, Schedule};
pub use releases::ReleaseSettings;
pub use render::{RenderSettings, SopsSettings};
pub use repo::RepoSettings;
pub use schema::schema;
pub use sync::SyncSettings;
pub use targets::{TargetAccess, TargetSettings};
