use super::config_file::ConfigFile;
use super::failure::Failure;
use super::lift::{author, person};
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig, Confirmed};
use crate::git::{Author, Local, UserClone};
use clap::Args;
use std::path::Path;

/// Confirm deletions that wait: the agent deletes exactly these objects
///
/// Makes a commit that changes no file. A trailer of the commit stands for the objects that wait now, by their UIDs: the
/// confirmation counts for no other object. Reads the config repo and the cluster, as `tidegate plan` does.
///
/// Where nothing waits, no commit is made and the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate confirm 0123abc --config tidegate.yaml
  tidegate confirm 0123abc --config tidegate.yaml --repo .")]
pub(super) struct Confirm {
    /// Commit whose deletions wait, as the agent's message names it; the first 7 digits do
    #[arg(value_name = "COMMIT", value_parser = commit)]
    commit: String,

    #[command(flatten)]
    config: ConfigFile,

    /// Clone on this machine, or address, that the git program pushes in your name. Default: the configured repository, with
    /// the deploy key
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// Author of the commit. Default: the author that git or the configuration names
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = author)]
    author: Option<Author>,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

fn commit(text: &str) -> Result<String, String> {
    let is_id = (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_id {
        true => Ok(text.to_owned()),
        false => Err("expected 7 to 40 hexadecimal digits".to_owned()),
    }
}

impl Confirm {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = AgentConfig::new(self.config.read()?);
        let confirmed = match &self.repo {
            None => agent::confirm(config, person(self.author).await, &self.commit).await?,
            Some(repo) => {
                let branch = self.branch.as_deref();
                let scratch = tempfile::tempdir().map_err(anyhow::Error::new)?;
                let clone = open(repo, branch, self.author, scratch.path()).await?;
                agent::confirm_in_clone(config, &clone, &self.commit).await?
            }
        };
        match self.output {
            Output::Json => print_json(&confirmed),
            Output::Text => print(describe(&confirmed).as_bytes()),
        }
    }
}

async fn open(repo: &str, branch: Option<&str>, author: Option<Author>, scratch: &Path) -> anyhow::Result<UserClone> {
    let clone = scratch.join("repo.git");
    let path = Path::new(repo);
    let folder = if path.exists() {
        path
    } else {
        Local::clone_into(&clone, repo, branch).await?;
        &clone
    };
    Ok(UserClone::open(folder, branch, author).await?)
}

fn describe(confirmed: &Confirmed) -> String {
    let Some(commit) = confirmed.commit else {
        return "no deletion waits, and no commit was made\n".to_owned();
    };
    let lines = confirmed.objects.iter().map(|id| format!("{id}: will be deleted\n"));
    format!("{}commit {commit}\n", lines.collect::<String>())
}
