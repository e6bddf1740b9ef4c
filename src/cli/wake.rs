use super::{Failure, print};
use crate::http::Client;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Scan now: wake the loops of the running agent and wait until their passes have ended
#[derive(Debug, Args)]
pub(super) struct Scan {
    /// Only this repository, e.g. 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web; else all that are wanted
    repository: Option<String>,

    #[command(flatten)]
    server: Server,
}

/// Sync now: fetch the config repo, apply it, and wait until the pass has ended
#[derive(Debug, Args)]
pub(super) struct Sync {
    #[command(flatten)]
    server: Server,
}

/// Where the agent is.
#[derive(Debug, Args)]
struct Server {
    /// The agent's address
    #[arg(
        long,
        env = "TIDEGATE_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    server: String,

    /// The file that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: PathBuf,
}

/// Passes have deadlines of their own; the longest is ten minutes.
const PATIENCE: Duration = Duration::from_secs(660);

impl Server {
    async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.server, &self.token_file, PATIENCE).await?)
    }
}

impl Scan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        told(
            client
                .scan(self.repository.as_deref())
                .await
                .map_err(anyhow::Error::from)?,
        )
    }
}

impl Sync {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        told(client.sync().await.map_err(anyhow::Error::from)?)
    }
}

fn told(report: crate::http::CommandReport) -> Result<(), Failure> {
    let mut text = format!("{}\n", report.summary);
    for line in &report.lines {
        text += &format!("  {line}\n");
    }
    print(text.as_bytes())?;
    if report.ok { Ok(()) } else { Err(Failure::Told) }
}
