use super::config_file::ConfigFile;
use super::failure::Failure;
use crate::config::Settings;
use crate::http::{Client, ClientError};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The options that name a running agent, which then answers in place of this process: what it has read and fetched already
/// need not be read and fetched again.
#[derive(Debug, Args)]
pub(super) struct RunningAgent {
    /// Address of the running agent
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    server: Option<String>,

    /// File that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Who does the work.
pub(super) enum Asked<T> {
    /// The agent, with its answer.
    Agent(T),
    /// This process, with these settings.
    Here(Box<Settings>),
}

/// The agent fetches, lists registries and compares the cluster. Each of these has shorter deadlines of its own.
const PATIENCE: Duration = Duration::from_secs(660);

impl RunningAgent {
    /// The agent's answer to `call`, which gets the digest of the configuration. Where no agent is named, none answers, or the
    /// agent has another configuration, this process has to do the work, and says so.
    pub(super) async fn ask<T>(
        &self,
        config: &ConfigFile,
        call: impl AsyncFnOnce(Client, Option<String>) -> Result<T, ClientError>,
    ) -> Result<Asked<T>, Failure> {
        let (Some(server), Some(token_file)) = (&self.server, &self.token_file) else {
            return Ok(Asked::Here(Box::new(config.read()?)));
        };
        // Without a file of that name here, the agent's own configuration is meant.
        let settings = match config.is_absent() {
            true => None,
            false => Some(config.read()?),
        };
        let digest = settings.as_ref().map(|settings| settings.digest.clone());
        let asked = match Client::new(server, token_file, PATIENCE).await {
            Ok(client) => call(client, digest).await,
            Err(error) => Err(error),
        };
        let error = match asked {
            Ok(answer) => return Ok(Asked::Agent(answer)),
            Err(error) => error,
        };
        let why = match &error {
            ClientError::Refused { status: 412, .. } => {
                format!("the agent at {server} runs with another configuration than {config}")
            }
            error if is_without_effect(error) => format!("the agent does not answer: {error}"),
            _ => return Err(anyhow::Error::from(error).into()),
        };
        let settings = settings.map_or_else(|| config.read(), Ok)?;
        eprintln!("{why}; this process reads the repository itself");
        Ok(Asked::Here(Box::new(settings)))
    }
}

/// Whether the agent did nothing and will do nothing: another process may do the work.
fn is_without_effect(error: &ClientError) -> bool {
    match error {
        ClientError::Token(_) | ClientError::Unauthorized { .. } => true,
        ClientError::Unreachable { source, .. } => source.is_connect(),
        // An agent that lets only its own pod make commits, and an older agent, which does not know the path.
        ClientError::Refused { status, .. } => [403, 404, 405].contains(status),
        _ => false,
    }
}
