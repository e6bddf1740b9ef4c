use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig};
use clap::Args;

/// Show what the agent would bump, apply and prune now, and write nothing
///
/// Errors come first. The exit code is 1 if something could not be read or would be refused: a file, a registry's repository,
/// the cluster, an object. Otherwise it is 0, whether or not there is something to do; with --exit-code it is 3 if there is.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigFile,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,

    /// Exit with 3 if the agent would bump, apply or prune something
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        let preview = agent::preview(AgentConfig::new(settings)).await?;
        match self.output {
            Output::Text => print(preview.to_string().as_bytes())?,
            Output::Json => print_json(&preview)?,
        }
        if !preview.is_well() {
            return Err(Failure::reported());
        }
        if self.exit_code && preview.has_changes() {
            return Err(Failure::changes());
        }
        Ok(())
    }
}
