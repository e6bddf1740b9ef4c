use super::keys::{Signing, SigningKey};
use super::push::{PullRequest, Push, Way};
use super::repo::RepoSettings;
use super::report::Report;
use super::text::{Text, choices, parsed};
use crate::model::{Author, BranchName, HoldUntil};
use crate::plan::{CommitPer, Template};
use crate::policy::{Platform, Platforms};
use schemars::JsonSchema;
use serde::Deserialize;

/// Bumps: how they are chosen, committed and pushed.
#[derive(Debug)]
pub struct AutomationSettings {
    /// False: nothing is scanned and nothing is committed.
    pub enabled: bool,
    /// Author and committer of the bump commits.
    pub author: Author,
    /// The message of a bump commit.
    pub message: Template,
    /// Whether a pass makes one commit, or one for each workload.
    pub commit_per: CommitPer,
    /// What ends a hold of a workload without an annotation about it.
    pub hold: HoldUntil,
    /// Whether a failed rollout takes a bump back, for a workload without an annotation about it.
    pub revert_on_failure: bool,
    /// The key that signs the commits; `None`: they are not signed.
    pub signing: Option<SigningKey>,
    /// The platforms that images must be built for.
    pub platforms: Platforms,
    /// Where bump commits are pushed to.
    pub push: Push,
}

/// How the agent chooses, commits and pushes new image tags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Automation {
    /// `false`: the agent scans nothing and commits nothing.
    enabled: bool,
    /// Author and committer of the bump commits.
    author: Text<Author>,
    /// Message of a bump commit; its first line is the subject. The agent fills in `{summary}` ("Bump shop/web to 0123abc",
    /// "Bump 3 images"), `{count}` (number of bumps) and `{bumps}` (one line for each bump; appended where the message does
    /// not name it). `{summary} [skip ci]` keeps CI quiet.
    message: Text<Template>,
    /// What becomes one commit: all bumps of a `pass`, or the bumps of each `workload`. All commits are pushed together.
    commit_per: Text<CommitPer>,
    /// What ends a hold, besides a revert of the rollback and a commit that resumes: `until-newer`, a tag that is pushed
    /// later; `until-resumed`, nothing. The annotation `tidegate.dev/hold` sets it for one workload.
    hold: Text<HoldUntil>,
    /// `true`: if the rollout of a tag that the agent wrote fails, the agent writes the tag before again, and the tag that
    /// failed is held like one that a person took back. Takes `push: direct`. The annotation `tidegate.dev/revert-on-failure`
    /// sets it for one workload.
    revert_on_failure: bool,
    signing: Signing,
    /// Platforms that images must be built for, e.g. `[linux/amd64, linux/arm64]`. Without an entry: Linux on any processor.
    /// The agent reads them from image indexes, which takes `ecr:BatchGetImage`; without that right it does not check them.
    platforms: Vec<Text<Platform>>,
    /// Where bump commits go. `direct`: to `repo.branch`. `branch`: to a branch of their own, for people to merge.
    /// `pull-request`: to that branch, with a pull request on the forge.
    push: Text<Way>,
    /// Branch that `push: branch` and `push: pull-request` write. Only the agent may write it. Default: `tidegate/`, then
    /// `repo.branch`.
    branch: Option<Text<BranchName>>,
    pull_request: Option<PullRequest>,
}

impl Default for Automation {
    fn default() -> Self {
        Self {
            enabled: true,
            author: Text::known("Tidegate <tidegate@localhost>"),
            message: Text::known("{summary}"),
            commit_per: Text::known("pass"),
            hold: Text::known("until-newer"),
            revert_on_failure: false,
            signing: Signing::default(),
            platforms: Vec::new(),
            push: Text::known("direct"),
            branch: None,
            pull_request: None,
        }
    }
}

impl Automation {
    pub(super) fn settings(self, report: &Report, repo: Option<&RepoSettings>) -> AutomationSettings {
        let platforms = self.platforms.into_iter().map(|platform| platform.value);
        AutomationSettings {
            enabled: self.enabled,
            author: self.author.value,
            message: self.message.value,
            commit_per: self.commit_per.value,
            hold: self.hold.value,
            revert_on_failure: self.revert_on_failure,
            signing: self.signing.settings(report),
            platforms: Platforms::new(platforms.collect()),
            push: Push::settings(self.push.value, self.branch, self.pull_request, report, repo),
        }
    }
}

parsed! {
    Author: {"pattern": "^[^<>]+<[^<> ]+>$"},
    Platform: {"pattern": "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$"},
    Template: {"minLength": 1, "maxLength": 2000},
}

choices!(CommitPer: "pass" => Self::Pass, "workload" => Self::Workload);
choices!(HoldUntil: "until-newer" => Self::Newer, "until-resumed" => Self::Resumed);
