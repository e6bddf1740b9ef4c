use super::failure::Failure;
use super::output::Output;
use super::server::{Server, show};
use clap::Args;

/// Make the running agent fetch and apply the config repo now, and wait until it is done
#[derive(Debug, Args)]
pub(super) struct Sync {
    #[command(flatten)]
    server: Server,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Sync {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        show(client.sync().await, self.output)
    }
}
