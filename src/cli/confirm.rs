use super::config_file::ConfigFile;
use super::failure::Failure;
use super::lift::{author, person};
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::git::{Local, UserClone};
use crate::http::ConfirmCall;
use crate::model::{Author, CommitPrefix};
use clap::Args;
use std::path::Path;
use std::str::FromStr as _;

/// Confirm deletions that wait: the agent deletes exactly these objects
///
/// Makes a commit that changes no file. A trailer of the commit stands for the objects that wait now, by their UIDs: the
/// confirmation counts for no other object. Reads the config repo and the cluster, as `tidegate plan` does.
///
/// Where nothing waits, no commit is made and the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate confirm 0123abc --config tidegate.yaml
  tidegate confirm 0123abc --config tidegate.yaml --repo .")]
pub(super) struct Confirm {
    /// Commit whose deletions wait, as the agent's message names it; the first 7 digits do
    #[arg(value_name = "COMMIT", value_parser = CommitPrefix::from_str)]
    commit: CommitPrefix,

    #[command(flatten)]
    config: ConfigFile,

    /// Clone on this machine, or address, that the git program pushes in your name. Default: the configured repository, with
    /// the deploy key, by the running agent if --server and --token-file name one
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// Author of the commit. Default: the author that git or the configuration names
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = author)]
    author: Option<Author>,

    #[command(flatten)]
    agent: RunningAgent,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Confirm {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let confirmed = match &self.repo {
            Some(repo) => {
                let config = AgentConfig::new(self.config.read()?);
                let scratch = tempfile::tempdir().map_err(anyhow::Error::new)?;
                let clone = open(repo, self.branch.as_deref(), self.author, scratch.path()).await?;
                agent::confirm_in_clone(config, &clone, &self.commit).await?
            }
            None => {
                let author = person(self.author).await;
                let asked = self.agent.ask(&self.config, async |client, configuration| {
                    let call = ConfirmCall {
                        configuration,
                        author: author.clone(),
                        commit: self.commit.clone(),
                    };
                    client.confirm(&call).await
                });
                match asked.await? {
                    Asked::Agent(answer) => return show(self.output, &answer.text, &answer.answer),
                    Asked::Here(settings) => agent::confirm(AgentConfig::new(*settings), author, &self.commit).await?,
                }
            }
        };
        show(self.output, &confirmed.to_string(), &confirmed)
    }
}

async fn open(repo: &str, branch: Option<&str>, author: Option<Author>, scratch: &Path) -> anyhow::Result<UserClone> {
    let clone = scratch.join("repo.git");
    let path = Path::new(repo);
    let folder = if path.exists() {
        path
    } else {
        Local::clone_into(&clone, repo, branch).await?;
        &clone
    };
    Ok(UserClone::open(folder, branch, author).await?)
}
