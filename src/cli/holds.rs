use super::{ConfigFile, Failure, Output, print, print_json, table};
use crate::agent;
use crate::holds::Held;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show which image fields are held back because somebody took a bump back, since when and by whose commit
///
/// Read from the history alone: from the configured repository, or with --repo from any clone, without a cluster, a
/// registry or a configuration. A field that is not listed is not held. Besides the command that is shown, a revert of the
/// commit that is shown lifts a hold and, unless holds end by people's word only, a tag that is pushed later.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate holds --config tidegate.yaml
  tidegate holds --repo . -o json
  tidegate holds --repo git@github.com:acme/fleet.git --branch main")]
pub(super) struct Holds {
    #[command(flatten)]
    config: ConfigFile,

    /// A clone on this machine, or an address that the git program can clone
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Its branch; without it, the one that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// The form of the answer
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Holds {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let held = match &self.repo {
            None => agent::holds(agent::AgentConfig::new(self.config.read()?)).await?,
            Some(repo) if Path::new(repo).exists() => {
                agent::holds_of_clone(&PathBuf::from(repo), self.branch.as_deref()).await?
            }
            Some(url) => agent::holds_of_url(url, self.branch.as_deref()).await?,
        };
        match self.output {
            Output::Json => print_json(&held),
            Output::Text if held.is_empty() => print(b"nothing is held\n"),
            Output::Text => print(table(&rows(&held)).as_bytes()),
        }
    }
}

fn rows(held: &[Held]) -> Vec<[String; 6]> {
    let mut rows = vec![["FIELD", "REJECTED", "SINCE", "COMMIT", "BY", "LIFTED WITH"].map(str::to_owned)];
    rows.extend(held.iter().map(|held| {
        let author = held.since.author.chars().filter(|c| !c.is_control());
        [
            held.name(),
            held.tags(),
            held.since.time.to_string(),
            held.since.commit.short().to_string(),
            author.collect(),
            held.resume.clone(),
        ]
    }));
    rows
}
