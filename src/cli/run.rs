use super::{ConfigFile, Failure};
use clap::Args;

/// Run the agent until it is told to stop
///
/// The first SIGTERM or SIGINT lets running passes end, the second aborts.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        let settings = crate::agent::AgentConfig::new(settings);
        Ok(crate::agent::run(settings).await?)
    }
}
