use super::config_file::ConfigFile;
use super::failure::Failure;
use crate::agent::{self, AgentConfig};
use clap::Args;

/// Run the agent
///
/// The first SIGTERM or SIGINT lets running passes finish. A second one aborts them.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        Ok(agent::run(AgentConfig::new(settings)).await?)
    }
}
