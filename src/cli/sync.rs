use super::failure::Failure;
use super::server::{Server, show};
use clap::Args;

/// Make the running agent fetch and apply the config repo now, and wait until it is done
#[derive(Debug, Args)]
pub(super) struct Sync {
    #[command(flatten)]
    server: Server,
}

impl Sync {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        show(client.sync().await)
    }
}
