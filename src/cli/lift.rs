use super::config_file::ConfigFile;
use super::failure::Failure;
use super::object_name::singular_kind;
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::git::{self, Local, UserClone};
use crate::holds::{HoldSelector, LiftMode, Lifted, ObjectName};
use crate::http::{LiftCall, NamedObject};
use crate::model::{Author, Tag};
use clap::Args;
use std::path::Path;

/// The holds that `resume` and `release` lift, and where.
#[derive(Debug, Args)]
pub(super) struct LiftHolds {
    /// Objects, as `tidegate holds` names them: [NAMESPACE:]KIND/NAME. The kind in any case, in the
    /// singular, the plural or as kubectl shortens it
    #[arg(value_name = "KIND/NAME", required_unless_present = "all", value_parser = object)]
    objects: Vec<ObjectName>,

    /// Lift all holds
    #[arg(long, conflicts_with = "objects")]
    all: bool,

    /// Namespace of the objects; needed where several namespaces have an object of that name
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Lift only the holds of this container or alias
    #[arg(long, value_name = "NAME")]
    field: Option<String>,

    /// Lift only the hold of this tag; other rejected tags stay held
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Option<Tag>,

    #[command(flatten)]
    config: ConfigFile,

    /// Clone on this machine, or address, that the git program reads and pushes in your name. Default: the configured
    /// repository, with the deploy key, by the running agent if --server and --token-file name one
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// Author of the commit. Default: who git names here; without git, the author of the agent's commits
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = author)]
    author: Option<Author>,

    #[command(flatten)]
    agent: RunningAgent,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

fn tag(text: &str) -> Result<Tag, String> {
    Tag::parse(text).map_err(|error| error.to_string())
}

pub(super) fn author(text: &str) -> Result<Author, String> {
    Author::parse(text).map_err(|error| error.to_string())
}

pub(super) fn object(text: &str) -> Result<ObjectName, String> {
    let (namespace, name) = match text.split_once(':') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, text),
    };
    match name.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(ObjectName {
            namespace,
            kind: singular_kind(kind),
            name: name.to_owned(),
        }),
        _ => Err("expected KIND/NAME, as in deployment/web".to_owned()),
    }
}

/// As the running agent is asked for the object.
pub(super) fn named(object: &ObjectName) -> NamedObject {
    NamedObject {
        namespace: object.namespace.clone(),
        kind: object.kind.clone(),
        name: object.name.clone(),
    }
}

impl LiftHolds {
    pub(super) async fn lift(self, mode: LiftMode) -> Result<(), Failure> {
        let lifted = match &self.repo {
            Some(repo) => {
                let (branch, author) = (self.branch.as_deref(), self.author.clone());
                lift_in(repo, branch, author, mode, &self.selector()).await?
            }
            None => {
                let author = person(self.author.clone()).await;
                let asked = self.agent.ask(&self.config, async |client, configuration| {
                    let call = self.call(configuration, author.clone());
                    match mode {
                        LiftMode::Resume => client.resume(&call).await,
                        LiftMode::Release => client.release(&call).await,
                    }
                });
                match asked.await? {
                    Asked::Agent(answer) => return show(self.output, &answer.text, &answer.answer),
                    Asked::Here(settings) => {
                        agent::lift(AgentConfig::new(*settings), author, mode, &self.selector()).await?
                    }
                }
            }
        };
        show(self.output, &lifted.describe(mode), &lifted)
    }

    fn selector(&self) -> HoldSelector {
        HoldSelector {
            objects: self.objects.clone(),
            namespace: self.namespace.clone(),
            field: self.field.clone(),
            tag: self.tag.clone(),
        }
    }

    fn call(&self, configuration: Option<String>, author: Option<Author>) -> LiftCall {
        let objects = self.objects.iter().map(named);
        LiftCall {
            configuration,
            author,
            all: self.all,
            objects: objects.collect(),
            namespace: self.namespace.clone(),
            field: self.field.clone(),
            tag: self.tag.clone(),
        }
    }
}

/// The author of the commit: the one that is named, or who git names here. A commit in the name of the agent would hide who
/// asked for it.
pub(super) async fn person(named: Option<Author>) -> Option<Author> {
    if named.is_some() {
        return named;
    }
    let found = git::user_author(Path::new(".")).await;
    if found.is_none() {
        eprintln!("git names nobody here, so that the commit has the agent's author; name yourself with --author");
    }
    found
}

/// Works in the user's clone, or in a clone of an address that is removed afterwards.
async fn lift_in(
    repo: &str,
    branch: Option<&str>,
    author: Option<Author>,
    mode: LiftMode,
    selector: &HoldSelector,
) -> anyhow::Result<Lifted> {
    let scratch = tempfile::tempdir()?;
    let clone = scratch.path().join("repo.git");
    let path = Path::new(repo);
    let folder = if path.exists() {
        path
    } else {
        Local::clone_into(&clone, repo, branch).await?;
        &clone
    };
    let clone = UserClone::open(folder, branch, author).await?;
    agent::lift_in_clone(&clone, mode, selector).await
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn a_kind_is_named_as_kubectl_names_it() {
        for kind in [
            "Deployment",
            "deployment",
            "deployments",
            "deploy",
            "deployments.apps",
            "deployment.v1.apps",
        ] {
            let name = object(&format!("shop:{kind}/web")).unwrap();
            assert_eq!(name.kind, "deployment", "{kind}");
            assert_eq!((name.namespace.as_deref(), &*name.name), (Some("shop"), "web"));
        }
        assert_eq!(object("sts/db").unwrap().kind, "statefulset");
        assert_eq!(object("hr/shop").unwrap().kind, "helmrelease");
        assert_eq!(object("file/values.yaml").unwrap().kind, "file");
        assert!(object("web").is_err());
    }
}
