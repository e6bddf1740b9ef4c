use super::config_file::ConfigFile;
use super::failure::Failure;
use super::object_name::singular_kind;
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig};
use crate::git::{self, Author, Local, UserClone};
use crate::holds::{HoldSelector, LiftMode, Lifted, ObjectName};
use crate::model::Tag;
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
    /// repository, with the deploy key
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,

    /// Branch of --repo. Default: the branch that is checked out
    #[arg(long, requires = "repo", value_name = "BRANCH")]
    branch: Option<String>,

    /// Author of the commit. Default: who git names here; without git, the author of the agent's commits
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = author)]
    author: Option<Author>,

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

fn object(text: &str) -> Result<ObjectName, String> {
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

impl LiftHolds {
    pub(super) async fn lift(self, mode: LiftMode) -> Result<(), Failure> {
        let selector = HoldSelector {
            objects: self.objects,
            namespace: self.namespace,
            field: self.field,
            tag: self.tag,
        };
        let lifted = match &self.repo {
            None => {
                let config = AgentConfig::new(self.config.read()?);
                agent::lift(config, person(self.author).await, mode, &selector).await?
            }
            Some(repo) => lift_in(repo, self.branch.as_deref(), self.author, mode, &selector).await?,
        };
        match self.output {
            Output::Json => print_json(&lifted),
            Output::Text => print(describe(&lifted, mode).as_bytes()),
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

fn describe(lifted: &Lifted, mode: LiftMode) -> String {
    let Some(commit) = lifted.commit else {
        return "no such hold: there is nothing to lift, and no commit was made\n".to_owned();
    };
    let lines = lifted.lifted.iter().map(|held| match (mode, held.rejected.last()) {
        (LiftMode::Release, Some(tag)) => format!(
            "{}: {tag} is in the file again; no longer held: {}\n",
            held.name(),
            held.tags()
        ),
        _ => format!("{}: {} may be chosen again\n", held.name(), held.tags()),
    });
    format!("{}commit {commit}\n", lines.collect::<String>())
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
