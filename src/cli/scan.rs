use super::failure::Failure;
use super::output::Output;
use super::server::{Server, show};
use clap::Args;

/// Make the running agent scan now, and wait until it is done
///
/// The agent lists the tags of the repository, commits newer tags to the config repo and applies the commit.
#[derive(Debug, Args)]
pub(super) struct Scan {
    /// Repository to scan, e.g. 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web. Default: all automated repositories
    repository: Option<String>,

    #[command(flatten)]
    server: Server,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Scan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        show(client.scan(self.repository.as_deref()).await, self.output)
    }
}
