use super::{ConfigFile, Failure, Output, print, print_json};
use crate::agent;
use crate::git::{Author, Local, OwnClone};
use crate::holds::{HoldSelector, LiftMode, Lifted, ObjectName};
use crate::model::Tag;
use clap::Args;
use std::path::Path;

/// Lift holds: tags that somebody took back may be chosen again
///
/// By a commit that changes no file and says so in its trailers. The agent then chooses as if nobody had taken them back. A
/// revert of the rollback does the same for the one tag that it brings back.
///
/// What is not held needs no commit: that is told, and is no failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate resume deployment/web -n shop --config tidegate.yaml
  tidegate resume deployment/web -n shop --field sidecar --tag 8d1e0f4 --repo .
  tidegate resume --all --repo git@github.com:acme/fleet.git --branch main")]
pub(super) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Lift holds, and write the tag that was taken back into the file again
///
/// One commit that does both. Without --tag it is the tag that was taken back last that is written, and what was taken back
/// before it is lifted as well. A tag of ours that stands in the file meanwhile is left, and held in turn.
///
/// What is not held needs no commit: that is told, and is no failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate release deployment/web -n shop --config tidegate.yaml
  tidegate release deployment/web --tag 8d1e0f4 --repo .")]
pub(super) struct Release {
    #[command(flatten)]
    which: Which,
}

fn tag(text: &str) -> Result<Tag, String> {
    Tag::parse(text).map_err(|error| error.to_string())
}

fn object(text: &str) -> Result<ObjectName, String> {
    let (namespace, name) = match text.split_once(':') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, text),
    };
    match name.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(ObjectName {
            namespace,
            kind: kind.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err("KIND/NAME is wanted, as in deployment/web".to_owned()),
    }
}

fn author(text: &str) -> Result<Author, String> {
    Author::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
struct Which {
    /// The objects, as `tidegate holds` names them; [NAMESPACE:]KIND/NAME, the kind in any case
    #[arg(value_name = "KIND/NAME", required_unless_present = "all", value_parser = object)]
    objects: Vec<ObjectName>,

    /// Everything that is held
    #[arg(long, conflicts_with = "objects")]
    all: bool,

    /// The objects' namespace; needed where several have an object of that name
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Only this container or alias
    #[arg(long, value_name = "NAME")]
    field: Option<String>,

    /// Only this one of the tags that were taken back; the others stay held
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Option<Tag>,

    #[command(flatten)]
    config: ConfigFile,

    /// A clone on this machine, or an address: read and pushed with the git program, in your name; else the configured
    /// repository is, with the deploy key
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Its branch; without it, the one that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// The commit's author, if it is to be another one
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = author)]
    author: Option<Author>,

    /// The form of the answer
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Resume {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.which.lift(LiftMode::Resume).await
    }
}

impl Release {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.which.lift(LiftMode::Release).await
    }
}

impl Which {
    async fn lift(self, lift: LiftMode) -> Result<(), Failure> {
        let meant = HoldSelector {
            objects: self.objects,
            namespace: self.namespace,
            field: self.field,
            tag: self.tag,
        };
        let branch = self.branch.as_deref();
        let scratch = tempfile::tempdir().map_err(anyhow::Error::from)?;
        let lifted = match &self.repo {
            None => agent::lift(agent::AgentConfig::new(self.config.read()?), self.author, lift, &meant).await?,
            Some(repo) => {
                let path = Path::new(repo);
                let clone = scratch.path().join("repo.git");
                let folder = if path.exists() {
                    path
                } else {
                    Local::clone_into(&clone, repo, branch)
                        .await
                        .map_err(anyhow::Error::from)?;
                    &clone
                };
                let own = OwnClone::open(folder, branch, self.author)
                    .await
                    .map_err(anyhow::Error::from)?;
                agent::lift_in_clone(&own, lift, &meant).await?
            }
        };
        match self.output {
            Output::Json => print_json(&lifted),
            Output::Text => print(told(&lifted, lift).as_bytes()),
        }
    }
}

fn told(lifted: &Lifted, lift: LiftMode) -> String {
    let Some(commit) = lifted.commit else {
        return "nothing of that is held: there is nothing to lift, and no commit was made\n".to_owned();
    };
    let lines = lifted.lifted.iter().map(|held| match (lift, held.rejected.last()) {
        (LiftMode::Release, Some(tag)) => format!(
            "{}: {tag} is in the file again, no longer held: {}\n",
            held.name(),
            held.tags()
        ),
        _ => format!("{}: {} may be chosen again\n", held.name(), held.tags()),
    });
    format!("{}commit {commit}\n", lines.collect::<String>())
}
