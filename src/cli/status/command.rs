use super::answer::Answer;
use super::lines;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, print, print_value};
use crate::cli::server::Server;
use clap::Args;

/// Show how the running agent is: repository, rights, commits, problems, holds, and what is behind
///
/// The exit code is 1 if something is unwell: the agent may not read or write the repository, a pass failed, a file, a repository
/// or an object has a problem, or deletions wait. A field that is held or that has a newer tag is not unwell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl -n tidegate exec deploy/tidegate -- tidegate status
  tidegate status --server http://127.0.0.1:8080 --token-file token")]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    server: Server,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Status {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        let (answer, json) = Answer::ask(&client).await?;
        let lines = lines::of(&answer);
        match self.output {
            Output::Text => print(lines.text.as_bytes())?,
            // The answer of `/v1/status` as it is: it has a version already.
            Output::Json => print_value(&json)?,
        }
        if lines.is_well {
            Ok(())
        } else {
            Err(Failure::reported())
        }
    }
}
