use super::{ConfigFile, Failure, Output, print, print_json};
use clap::Args;

/// Show what would be bumped, applied and pruned now; writes nothing
///
/// Exits 0 also when there is something to do.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigFile,

    /// The form of the answer
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        let settings = crate::agent::AgentConfig::new(settings);
        let preview = crate::agent::preview(settings).await?;
        match self.output {
            Output::Text => print(preview.to_string().as_bytes()),
            Output::Json => print_json(&preview),
        }
    }
}
