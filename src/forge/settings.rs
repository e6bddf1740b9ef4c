use std::path::PathBuf;

/// Where and how pull requests are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestSettings {
    /// The kind of forge.
    pub forge: ForgeKind,
    /// The address of the forge's API, without a slash at its end.
    pub api: String,
    /// The repository as the API names it.
    pub project: String,
    /// The file with the API token; empty for CodeCommit, which needs none.
    pub token_file: PathBuf,
    /// The labels of the pull request.
    pub labels: Vec<String>,
}

/// The kinds of forges on which the agent opens pull requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub and GitHub Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo, Codeberg.
    Gitea,
    /// AWS CodeCommit, in this region.
    CodeCommit(String),
}

impl ForgeKind {
    /// The forge of a well-known host.
    pub fn of_host(host: &str) -> Option<Self> {
        match host {
            "github.com" | "ssh.github.com" => Some(Self::GitHub),
            "gitlab.com" | "altssh.gitlab.com" => Some(Self::GitLab),
            "codeberg.org" | "gitea.com" => Some(Self::Gitea),
            _ if host.starts_with("git-codecommit.") => Some(Self::code_commit(host)),
            _ => None,
        }
    }

    /// CodeCommit in the region that is in `git-codecommit.<region>.amazonaws.com`, with or without `-fips`.
    pub fn code_commit(host: &str) -> Self {
        let rest = host
            .strip_prefix("git-codecommit-fips.")
            .or_else(|| host.strip_prefix("git-codecommit."));
        let region = rest.and_then(|rest| rest.split('.').next());
        Self::CodeCommit(region.unwrap_or_default().to_owned())
    }

    /// The address of the API that belongs to the host of a repository.
    pub fn default_api(&self, host: &str) -> String {
        match self {
            Self::GitHub if host == "github.com" || host == "ssh.github.com" => "https://api.github.com".to_owned(),
            Self::GitHub => format!("https://{host}/api/v3"),
            Self::GitLab => format!("https://{}/api/v4", host.strip_prefix("altssh.").unwrap_or(host)),
            Self::Gitea => format!("https://{host}/api/v1"),
            Self::CodeCommit(region) => {
                let china = if region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://codecommit.{region}.amazonaws.com{china}")
            }
        }
    }

    /// The name that the API has for the repository at a path (without slashes around it and `.git`).
    pub fn default_project(&self, path: &str) -> String {
        let project = match self {
            Self::CodeCommit(_) => path.rsplit('/').next().unwrap_or(path),
            _ => path,
        };
        project.to_owned()
    }
}
