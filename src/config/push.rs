use super::repo::RepoSettings;
use super::report::Report;
use super::text::{FromText, NonEmpty, Text, choices};
use crate::forge::{ForgeKind, PullRequestSettings};
use crate::git::RepoUrl;
use crate::model::BranchName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Where bump commits are pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// To the followed branch.
    Direct,
    /// To a branch of their own, for people to merge.
    Branch(BranchName),
    /// To a branch of their own, with a pull request on the forge.
    PullRequest(BranchName, PullRequestSettings),
}

/// `automation.push` as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Branch,
    PullRequest,
}

choices!(Way: "direct" => Self::Direct, "branch" => Self::Branch, "pull-request" => Self::PullRequest);

/// The pull request that `push: pull-request` opens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PullRequest {
    /// Kind of forge; `gitea` also stands for Forgejo and Codeberg. Default: known from the host of `repo.url` for
    /// github.com, gitlab.com, gitea.com, codeberg.org and CodeCommit.
    forge: Option<Text<Forge>>,
    /// Address of the forge's API, e.g. `https://git.acme.example/api/v1`. Default: made from the forge and the host of
    /// `repo.url`.
    api: Option<Text<ApiAddress>>,
    /// The repository as the API names it, e.g. `acme/fleet`. Default: the path of `repo.url`.
    project: Option<Text<NonEmpty>>,
    /// File that holds the forge's API token, which must be allowed to read and write pull requests. The file may change at any
    /// time. CodeCommit needs none.
    token_file: Option<Text<PathBuf>>,
    /// Labels of the pull request.
    labels: Vec<Text<ForgeLabel>>,
}

impl Default for PullRequest {
    fn default() -> Self {
        Self {
            forge: None,
            api: None,
            project: None,
            token_file: None,
            labels: vec![Text::known("tidegate")],
        }
    }
}

impl Push {
    pub(super) fn settings(
        way: Way,
        branch: Option<Text<BranchName>>,
        request: Option<PullRequest>,
        report: &Report,
        repo: Option<&RepoSettings>,
    ) -> Self {
        if !report.is_rejected("automation.push") {
            check_way(way, branch.is_some(), request.is_some(), report);
        }
        let followed = repo.map_or("main", |repo| repo.branch.as_str());
        let branch = branch.map(|branch| branch.value);
        let branch = branch
            .or_else(|| BranchName::parse(&format!("tidegate/{followed}")).ok())
            .or_else(|| BranchName::parse("tidegate/images").ok())
            .expect("tidegate/images is a branch name");
        if way != Way::Direct && branch.as_str() == followed {
            report.mistake(
                "automation.branch",
                "this is repo.branch itself; name another branch, which only the agent writes",
            );
        }
        match way {
            Way::Direct => Self::Direct,
            Way::Branch => Self::Branch(branch),
            Way::PullRequest => {
                let request = request.unwrap_or_default();
                let request = request.settings(report, repo.map(|repo| &repo.url));
                request.map_or(Self::Direct, |request| Self::PullRequest(branch, request))
            }
        }
    }
}

fn check_way(way: Way, has_branch: bool, has_request: bool, report: &Report) {
    if way == Way::Direct && has_branch {
        report.mistake(
            "automation.branch",
            "this branch is written only with push: branch or push: pull-request; the branch that the agent follows is repo.branch",
        );
    }
    if way != Way::PullRequest && has_request {
        report.mistake(
            "automation.pullRequest",
            "pull requests are opened only with push: pull-request",
        );
    }
}

impl PullRequest {
    /// `None` where something is missing; the report then has a mistake.
    fn settings(self, report: &Report, url: Option<&RepoUrl>) -> Option<PullRequestSettings> {
        let host = url.map_or("", RepoUrl::host);
        let forge = self.forge.map(|forge| forge.value.kind(host));
        let forge = forge.or_else(|| ForgeKind::of_host(host));
        if forge.is_none() && url.is_some() {
            let message = format!("the host {host:?} does not say which; write github, gitlab, gitea or codecommit");
            report.missing("automation.pullRequest.forge", &message);
        }
        if self.token_file.is_none() && !matches!(forge, Some(ForgeKind::CodeCommit(_))) {
            report.missing(
                "automation.pullRequest.tokenFile",
                "write the path of the file that holds the forge's API token",
            );
        }
        let (forge, path) = (forge?, url?.path().trim_matches('/'));
        let path = path.strip_suffix(".git").unwrap_or(path);
        Some(PullRequestSettings {
            api: self.api.map_or_else(|| forge.default_api(host), |api| api.value.0),
            project: self
                .project
                .map_or_else(|| forge.default_project(path), |project| project.value.0),
            forge,
            token_file: self.token_file.map(|file| file.value).unwrap_or_default(),
            labels: self.labels.into_iter().map(|label| label.value.0).collect(),
        })
    }
}

/// `automation.pullRequest.forge` as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forge {
    GitHub,
    GitLab,
    Gitea,
    CodeCommit,
}

choices! {
    Forge:
    "github" => Self::GitHub,
    "gitlab" => Self::GitLab,
    "gitea" => Self::Gitea,
    "codecommit" => Self::CodeCommit,
}

impl Forge {
    fn kind(self, host: &str) -> ForgeKind {
        match self {
            Self::GitHub => ForgeKind::GitHub,
            Self::GitLab => ForgeKind::GitLab,
            Self::Gitea => ForgeKind::Gitea,
            Self::CodeCommit => ForgeKind::code_commit(host),
        }
    }
}

/// The address of an API, without a slash at its end.
#[derive(Debug)]
struct ApiAddress(String);

impl FromText for ApiAddress {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^https?://"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let address = text.trim_end_matches('/');
        let is_plain = (address.starts_with("https://") || address.starts_with("http://"))
            && !address.contains(['?', '#', '@'])
            && !address.chars().any(|c| c.is_control() || c.is_whitespace());
        match is_plain {
            true => Ok(Self(address.to_owned())),
            false if text.contains(['@', '?', '#']) => Err(
                "an address of the API holds no user, password, query or fragment; write it like \
                 https://git.acme.example/api/v1, and the token into automation.pullRequest.tokenFile"
                    .to_owned(),
            ),
            false => Err(format!(
                "{text:?} is not an address; write it like https://git.acme.example/api/v1"
            )),
        }
    }
}

/// A label of a pull request.
#[derive(Debug)]
struct ForgeLabel(String);

impl FromText for ForgeLabel {
    fn schema() -> serde_json::Value {
        serde_json::json!({"minLength": 1, "pattern": "^[^,]+$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match NonEmpty::from_text(text)? {
            NonEmpty(label) if label.contains(',') => Err("a comma separates labels; write them as a list".to_owned()),
            NonEmpty(label) => Ok(Self(label)),
        }
    }
}
