use super::{ConfigFile, Failure, Output, print, print_json};
use crate::agent::{self, Held, Lift, Lifted};
use crate::git::{Author, Local, OwnClone};
use crate::model::Tag;
use clap::Args;
use std::path::Path;

/// Lift holds: tags that somebody took back may be chosen again
///
/// By a commit that changes no file and says so in its trailers. The agent then chooses as if nobody had taken anything back. A
/// revert of the rollback does the same for the one tag that it brings back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate resume deployment/web -n shop --config tidegate.yaml
  tidegate resume --all --repo . --branch main")]
pub(super) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Lift holds, and write the tag that was taken back into the file again
///
/// One commit that does both. Without --tag it is the tag that was taken back last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate release deployment/web -n shop --config tidegate.yaml
  tidegate release deployment/web --tag 8d1e0f4 --repo .")]
pub(super) struct Release {
    #[command(flatten)]
    which: Which,

    /// Another one of the tags that were taken back
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Option<Tag>,
}

fn tag(text: &str) -> Result<Tag, String> {
    Tag::parse(text).map_err(|error| error.to_string())
}

fn author(text: &str) -> Result<Author, String> {
    Author::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
struct Which {
    /// The objects, as `tidegate holds` names them; [NAMESPACE:]KIND/NAME, the kind in any case
    #[arg(value_name = "KIND/NAME", required_unless_present = "all")]
    objects: Vec<String>,

    /// Everything that is held
    #[arg(long, conflicts_with = "objects")]
    all: bool,

    /// The objects' namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Only this container or alias
    #[arg(long, value_name = "NAME")]
    field: Option<String>,

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
        self.which.lift(&Lift::Resume, "may be chosen again").await
    }
}

impl Release {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.which.lift(&Lift::Release(self.tag), "is no longer held").await
    }
}

impl Which {
    fn is_meant(&self, held: &Held) -> bool {
        let object = &held.object;
        let named = |name: &String| {
            let (namespace, name) = match name.split_once(':') {
                Some((namespace, name)) => (Some(namespace), name),
                None => (self.namespace.as_deref(), &**name),
            };
            let kind = |kind: &str| kind.eq_ignore_ascii_case(&object.kind);
            name.split_once('/')
                .is_some_and(|(k, name)| kind(k) && name == object.name)
                && namespace.is_none_or(|namespace| object.namespace.as_deref() == Some(namespace))
        };
        let namespace = self
            .namespace
            .as_ref()
            .is_none_or(|name| !self.all || object.namespace.as_ref() == Some(name));
        (self.all || self.objects.iter().any(named))
            && namespace
            && self.field.as_ref().is_none_or(|field| *field == held.field)
    }

    async fn lift(&self, lift: &Lift, then: &str) -> Result<(), Failure> {
        if let Some(wrong) = self.objects.iter().find(|name| !name.contains('/')) {
            return Err(Failure::Usage(format!(
                "{wrong}: KIND/NAME is wanted, as in deployment/web"
            )));
        }
        let meant = |held: &Held| self.is_meant(held);
        let (branch, author) = (self.branch.as_deref(), self.author.clone());
        let scratch = tempfile::tempdir().map_err(anyhow::Error::from)?;
        let lifted = match &self.repo {
            None => agent::lift(agent::Checked::new(self.config.read()?), author, lift, &meant).await?,
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
                let own = OwnClone::open(folder, branch, author)
                    .await
                    .map_err(anyhow::Error::from)?;
                agent::lift_in_clone(&own, lift, &meant).await?
            }
        };
        match self.output {
            Output::Json => print_json(&lifted),
            Output::Text => print(told(&lifted, then).as_bytes()),
        }
    }
}

fn told(lifted: &Lifted, then: &str) -> String {
    let lines = lifted
        .lifted
        .iter()
        .map(|held| format!("{}: {} {then}\n", held.name(), held.tags()));
    format!("{}commit {}\n", lines.collect::<String>(), lifted.commit)
}
