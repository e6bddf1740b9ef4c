use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, print, print_json, table};
use crate::agent::{self, AgentConfig};
use crate::holds::Held;
use crate::model::Printable;
use clap::Args;
use serde::Serialize;
use std::path::Path;

/// Show the image fields whose bumps somebody took back, since when, and by which commit
///
/// Reads the git history alone, from the configured repository or, with --repo, from any clone; that needs no cluster, registry
/// or configuration. A field that is not listed is not held.
///
/// A hold ends with the command in the last column, with a revert of the listed commit or, unless `hold: until-resumed` is
/// configured, with a tag that is pushed later.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate holds --config tidegate.yaml
  tidegate holds --repo . -o json
  tidegate holds --repo git@github.com:acme/fleet.git --branch main")]
pub(super) struct Holds {
    #[command(flatten)]
    config: ConfigFile,

    /// Clone on this machine, or address that the git program can clone
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

/// The holds as JSON.
#[derive(Serialize)]
struct List {
    holds: Vec<Held>,
}

impl Holds {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let branch = self.branch.as_deref();
        let held = match &self.repo {
            None => agent::holds(AgentConfig::new(self.config.read()?)).await?,
            Some(repo) if Path::new(repo).exists() => agent::holds_of_clone(Path::new(repo), branch).await?,
            Some(url) => agent::holds_of_url(url, branch).await?,
        };
        match self.output {
            Output::Json => print_json(&List { holds: held }),
            Output::Text if held.is_empty() => print(b"nothing is held\n"),
            Output::Text => print(table(&rows(&held)).as_bytes()),
        }
    }
}

fn rows(held: &[Held]) -> Vec<[String; 6]> {
    let mut rows = vec![["FIELD", "REJECTED", "SINCE", "COMMIT", "BY", "LIFTED WITH"].map(str::to_owned)];
    rows.extend(held.iter().map(|held| {
        [
            held.name(),
            held.tags(),
            held.since.time.to_string(),
            held.since.commit.short().to_string(),
            Printable::new(&held.since.author).dropping().to_string(),
            held.resume.clone(),
        ]
    }));
    rows
}
