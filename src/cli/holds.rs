use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::http::Question;
use clap::Args;
use std::path::Path;

/// Show the image fields whose bumps somebody took back, since when, and by which commit
///
/// Reads the git history alone, from the configured repository or, with --repo, from any clone; that needs no cluster, registry
/// or configuration. A field that is not listed is not held. Without --repo, a running agent that --server and --token-file
/// name answers, as in its own container.
///
/// A hold ends with the command in the last column, with a revert of the listed commit or, unless `hold: until-resumed` is
/// configured, with a tag that is pushed later.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate holds --config tidegate.yaml
  tidegate holds --repo . -o json
  tidegate holds --repo git@github.com:acme/fleet.git --branch main")]
pub(super) struct Holds {
    #[command(flatten)]
    config: ConfigFile,

    /// Clone on this machine, or address that the git program can clone
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    #[command(flatten)]
    agent: RunningAgent,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Holds {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let branch = self.branch.as_deref();
        let list = match &self.repo {
            Some(repo) if Path::new(repo).exists() => agent::holds_of_clone(Path::new(repo), branch).await?,
            Some(url) => agent::holds_of_url(url, branch).await?,
            None => {
                let asked = self.agent.ask(&self.config, async |client, configuration| {
                    client.holds(&Question { configuration }).await
                });
                match asked.await? {
                    Asked::Agent(answer) => return show(self.output, &answer.text, &answer.answer),
                    Asked::Here(settings) => agent::holds(AgentConfig::new(*settings)).await?,
                }
            }
        };
        show(self.output, &list.to_string(), &list)
    }
}
