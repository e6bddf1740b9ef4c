use crate::model::{BranchName, CommitId, Finding, ObjectId, TargetId};
use crate::plan::{Decision, as_list};
use crate::resource::CommitHealth;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that `/v1/status` answers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// The image fields. The keys stand at the top of the answer.
    #[serde(flatten)]
    pub automation: AutomationStatus,
    /// What could not be used at the branch's head.
    pub findings: Vec<Finding>,
    /// What is unwell, one sentence each; empty if the agent does all its work.
    pub problems: Vec<String>,
    /// The config repo.
    pub repo: RepoStatus,
    /// The targets, by name.
    pub targets: BTreeMap<TargetId, TargetStatus>,
    /// The HelmReleases.
    pub releases: ReleasesStatus,
    /// The mirrors, by the cluster of the copies; one without mirrors has no entry.
    pub mirrors: BTreeMap<TargetId, MirrorsStatus>,
    /// The pull secrets.
    #[serde(rename = "pullSecrets")]
    pub pull_secrets: PullSecretsStatus,
    /// The repositories that were scanned, by name.
    pub scan: BTreeMap<String, RepositoryStatus>,
    /// The deploy key, or the login.
    pub key: KeyStatus,
    /// The loops, by name.
    pub loops: BTreeMap<String, LoopState>,
    /// What the agent still waits for before it is ready: condition and reason.
    #[serde(rename = "notReady")]
    pub not_ready: BTreeMap<String, String>,
}

/// What the newest automation pass found and decided.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AutomationStatus {
    /// The commit that the decisions are about.
    pub commit: Option<CommitId>,
    /// One decision for each automated field, ordered by object and field.
    #[serde(serialize_with = "as_list")]
    pub fields: Vec<Arc<Decision>>,
    /// Why planned bumps are not made, if one was not.
    pub problem: Option<String>,
}

/// The followed branch.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoStatus {
    /// The address of the config repo, without a password.
    pub address: Option<String>,
    /// The branch.
    pub branch: Option<BranchName>,
    /// The newest commit that may be applied.
    pub head: Option<CommitId>,
    /// Why the branch's head on the server is not applied, if it is not.
    pub unverified: Option<String>,
    /// Why the last fetch failed, if it did.
    pub problem: Option<String>,
}

/// A target after its last pass.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// The commit that the last pass applied.
    pub commit: Option<CommitId>,
    /// Whether everything below the target's paths could be read. Nothing is pruned from a target that is not complete.
    pub complete: bool,
    /// Whether everything declared is applied and nothing waits.
    pub in_sync: bool,
    /// How far the commit has come: `partial`, `applied`, `healthy` or `degraded`. Absent if the pass was cut short.
    pub health: Option<CommitHealth>,
    /// How many objects the commit declares for the target.
    pub objects: usize,
    /// What is not as declared, or why the pass could not run.
    pub problems: Vec<String>,
    /// Why nothing is pruned, if something prevents it: for example, a file of the target cannot be read.
    pub prune_blocked: Option<String>,
    /// Deletions that wait for a person.
    pub waiting: Option<WaitingDeletions>,
    /// The declared objects that are not ready, each with what it waits for.
    pub unready: Vec<UnreadyObject>,
}

/// The HelmReleases after the last pass over them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReleasesStatus {
    /// How many HelmReleases there are.
    pub count: usize,
    /// Why no HelmRelease is carried out, if so.
    pub off: Option<String>,
    /// The HelmReleases that are not carried out as declared, each with the reason.
    pub failing: Vec<UnreadyObject>,
}

/// The mirrors after the last pass over them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MirrorsStatus {
    /// How many copies the agent keeps.
    pub count: usize,
    /// Why no mirror is kept, if so.
    pub off: Option<String>,
    /// What is not as the rules say, by the source or copy that it is about.
    pub problems: BTreeMap<String, String>,
}

/// The pull secrets after the last pass over them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PullSecretsStatus {
    /// How many Secrets hold logins of the agent.
    pub count: usize,
    /// Why no pull secret is kept, if so.
    pub off: Option<String>,
    /// What is not as the rules say, by the Secret, ServiceAccount or login that it is about.
    pub problems: BTreeMap<String, String>,
}

/// A declared object that is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadyObject {
    /// The object.
    pub object: ObjectId,
    /// What the object waits for, or why it failed.
    pub message: String,
}

/// Deletions that a person must confirm.
#[derive(Debug, Clone, Serialize)]
pub struct WaitingDeletions {
    /// The objects that would be deleted.
    pub objects: Vec<ObjectId>,
    /// Why they wait, and what to do.
    pub remedy: String,
}

/// A registry's repository after its last scan.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RepositoryStatus {
    /// Whether the repository is in a registry that Tidegate scans.
    pub supported: bool,
    /// How many tags the repository has.
    pub tags: Option<usize>,
    /// Why the tags could not be listed, if they could not.
    pub problem: Option<String>,
}

/// What the agent logs in with.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyStatus {
    /// The deploy key's fingerprint; absent for a login.
    pub key: Option<String>,
    /// The fingerprint of the next key, while a rotation is under way.
    pub next: Option<String>,
    /// Whether the git server lets the agent fetch, where that is known.
    pub may_read: Option<bool>,
    /// Whether the git server lets the agent push, where that is known.
    pub may_write: Option<bool>,
}

/// A loop and its last pass.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoopState {
    /// Whether a pass is running.
    pub running: bool,
    /// How many passes have ended.
    pub passes: u64,
    /// How the last pass ended: `ok`, `failed` or `timedOut`.
    pub outcome: Option<&'static str>,
    /// When the last pass started.
    pub started: Option<Timestamp>,
    /// How long the last pass took, in seconds.
    pub took_seconds: Option<f64>,
}
