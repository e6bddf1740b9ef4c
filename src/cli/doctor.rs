use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, show};
use crate::agent::{self, AgentConfig};
use clap::Args;

/// Try what the agent needs from outside, and say what is missing
///
/// Tries each step for the config repo (fetch, push), for each AWS identity (who it is), for each repository that an automated
/// image is in (list its tags) and for each target (a dry run of a pass). Each line has the identity, the call, and the result;
/// below a call that AWS denied stands what to add to which policy. Nothing is written.
///
/// The exit code is 1 if a step failed, and 0 otherwise. Run the command in the agent's own container, so that it has the
/// agent's identity.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigFile,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let diagnosis = agent::diagnose(AgentConfig::new(self.config.read()?)).await;
        show(self.output, &diagnosis.to_string(), &diagnosis)?;
        if diagnosis.is_well() {
            Ok(())
        } else {
            Err(Failure::reported())
        }
    }
}
