use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig};
use clap::Args;

/// Show what the agent would bump, apply and prune now, and write nothing
///
/// The exit code is 0 whether or not there is something to do.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigFile,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        let preview = agent::preview(AgentConfig::new(settings)).await?;
        match self.output {
            Output::Text => print(preview.to_string().as_bytes()),
            Output::Json => print_json(&preview),
        }
    }
}
