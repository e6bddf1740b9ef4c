use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig};
use crate::http::{Client, ClientError, PlanReport};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Show what the agent would bump, apply and prune now, and write nothing
///
/// Asks the running agent if --server and --token-file name one, as in the agent's own container. If no agent answers there,
/// the repository is cloned into a temporary folder.
///
/// Errors come first. The exit code is 1 if something could not be read or would be refused: a file, a registry's repository,
/// the cluster, an object. Otherwise it is 0, whether or not there is something to do; with --exit-code it is 3 if there is.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigFile,

    /// Address of the running agent
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    server: Option<String>,

    /// File that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,

    /// Exit with 3 if the agent would bump, apply or prune something
    #[arg(long)]
    exit_code: bool,
}

/// The agent fetches, lists registries and compares the cluster. Each of these has shorter deadlines of its own.
const PATIENCE: Duration = Duration::from_secs(660);

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (is_well, has_changes) = match self.ask_agent().await? {
            Some(report) => {
                match self.output {
                    Output::Text => print(report.text.as_bytes())?,
                    Output::Json => print_json(&report.preview)?,
                }
                (report.is_well, report.has_changes)
            }
            None => {
                let settings = self.config.read()?;
                let preview = agent::preview(AgentConfig::new(settings)).await?;
                match self.output {
                    Output::Text => print(preview.to_string().as_bytes())?,
                    Output::Json => print_json(&preview)?,
                }
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

    /// The running agent's answer; `None` if no agent is named, none answers, or it is an older one.
    async fn ask_agent(&self) -> Result<Option<PlanReport>, Failure> {
        let (Some(server), Some(token_file)) = (&self.server, &self.token_file) else {
            return Ok(None);
        };
        let asked = match Client::new(server, token_file, PATIENCE).await {
            Ok(client) => client.plan().await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(report) => Ok(Some(report)),
            Err(
                error @ (ClientError::Timeout { .. }
                | ClientError::Address { .. }
                | ClientError::Refused { status: 500.., .. }),
            ) => Err(anyhow::Error::from(error).into()),
            Err(_) => Ok(None),
        }
    }
}
