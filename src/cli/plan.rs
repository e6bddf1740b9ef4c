use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::http::Question;
use clap::Args;

/// Show what the agent would bump, apply and prune now, and write nothing
///
/// Asks the running agent if --server and --token-file name one, as in the agent's own container. If no agent answers there, or
/// the agent has another configuration than FILE, the repository is cloned into a temporary folder.
///
/// Errors come first. The exit code is 1 if something could not be read or would be refused: a file, a registry's repository,
/// the cluster, an object. Otherwise it is 0, whether or not there is something to do; with --exit-code it is 3 if there is.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    agent: RunningAgent,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,

    /// Exit with 3 if the agent would bump, apply or prune something
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let asked = self.agent.ask(&self.config, async |client, configuration| {
            client.plan(&Question { configuration }).await
        });
        let (is_well, has_changes) = match asked.await? {
            Asked::Agent(report) => {
                show(self.output, &report.text, &report.preview)?;
                (report.is_well, report.has_changes)
            }
            Asked::Here(settings) => {
                let preview = agent::preview(AgentConfig::new(*settings)).await?;
                show(self.output, &preview.to_string(), &preview)?;
                (preview.is_well(), preview.has_changes())
            }
        };
        if !is_well {
            return Err(Failure::reported());
        }
        if self.exit_code && has_changes {
            return Err(Failure::changes());
        }
        Ok(())
    }
}
