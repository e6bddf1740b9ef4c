use super::failure::Failure;
use super::output::{Output, print, print_json};
use crate::http::{Client, ClientError, CommandReport};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The options that name the running agent.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// Address of the running agent
    #[arg(
        long,
        env = "TIDEGATE_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    server: String,

    /// File that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: PathBuf,
}

/// The agent answers when its passes have ended. A pass has a deadline of its own; the longest is ten minutes.
const PATIENCE: Duration = Duration::from_secs(660);

impl Server {
    pub(super) async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.server, &self.token_file, PATIENCE).await?)
    }
}

/// Prints the agent's report. A report of a failure is the failure of the subcommand.
pub(super) fn show(report: Result<CommandReport, ClientError>, output: Output) -> Result<(), Failure> {
    let report = report.map_err(anyhow::Error::from)?;
    match output {
        Output::Json => print_json(&report)?,
        Output::Text => {
            let mut text = format!("{}\n", report.summary);
            for line in &report.lines {
                text += &format!("  {line}\n");
            }
            print(text.as_bytes())?;
        }
    }
    if report.ok { Ok(()) } else { Err(Failure::reported()) }
}
