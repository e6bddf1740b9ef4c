//! Gives the room `holds` a repository to read: the configured branch, a clone on this machine, or an address.

use super::declared::Declared;
use super::{AgentConfig, keys, repo};
use crate::automation::{self, SharedHistory};
use crate::git::{self, Local, UserClone, without_password};
use crate::history::shell_word;
use crate::holds::{self, HoldList, HoldQuery, HoldReader, HoldSelector, ImageField, LiftMode, Lifted, Reading};
use crate::model::{Author, RepoPath};
use crate::notice::{Log, Reporter};
use crate::port::{ConfigRepo, RepoFailure};
use crate::source::{Reader, TargetPaths};
use crate::telemetry::Metrics;
use std::path::Path;

/// What is held on the configured branch as the server has it now.
///
/// # Errors
/// The config repo could not be read.
pub async fn holds(config: AgentConfig) -> anyhow::Result<HoldList> {
    let scratch = tempfile::tempdir()?;
    let repo = repo::open_to_read(&config, with_whole_history(&config, scratch.path()).await?)?;
    let holds = holds::list(&configured(&config, &repo), &query(&config)).await?;
    Ok(HoldList { holds })
}

/// What is held on a branch of a clone on this machine, in all files.
///
/// # Errors
/// The clone could not be read.
pub async fn holds_of_clone(path: &Path, branch: Option<&str>) -> anyhow::Result<HoldList> {
    let name = path.display().to_string();
    holds_of(&Local::open(path, branch)?, &name, branch).await
}

/// What is held in a repository elsewhere, cloned with the user's git program.
///
/// # Errors
/// The repository could not be cloned or read.
pub async fn holds_of_url(url: &str, branch: Option<&str>) -> anyhow::Result<HoldList> {
    let scratch = tempfile::tempdir()?;
    let repo = Local::clone_into(&scratch.path().join("repo.git"), url, branch).await?;
    holds_of(&repo, url, branch).await
}

/// Lifts holds on the configured branch, by a commit that is pushed with the deploy key.
///
/// # Errors
/// As `holds::lift`.
pub async fn lift(
    config: AgentConfig,
    author: Option<Author>,
    mode: LiftMode,
    selector: &HoldSelector,
) -> anyhow::Result<Lifted> {
    let scratch = tempfile::tempdir()?;
    let settings = with_whole_history(&config, scratch.path()).await?;
    let signing = keys::signing(&config).await?;
    let repo = repo::open(&config, settings, signing)?;
    let reader = configured(&config, &repo);
    Ok(holds::lift(&repo, &reader, &query(&config), mode, selector, author).await?)
}

/// Lifts holds on a branch that the user's git program can push.
///
/// # Errors
/// As `holds::lift`.
pub async fn lift_in_clone(repo: &UserClone, mode: LiftMode, selector: &HoldSelector) -> anyhow::Result<Lifted> {
    let reader = HeldBranch::apart(repo, Vec::new());
    Ok(holds::lift(repo, &reader, &HoldQuery::default(), mode, selector, None).await?)
}

/// A repository without a commit holds nothing.
async fn holds_of(repo: &Local, name: &str, branch: Option<&str>) -> anyhow::Result<HoldList> {
    if branch.is_none() && repo.is_unborn().await? {
        return Ok(HoldList { holds: Vec::new() });
    }
    let branch = branch.map_or(String::new(), |branch| format!(" --branch {}", shell_word(branch)));
    let query = HoldQuery {
        repo_arguments: format!(" --repo {}{branch}", shell_word(&without_password(name))),
        ..HoldQuery::default()
    };
    let holds = holds::list(&HeldBranch::apart(repo, Vec::new()), &query).await?;
    Ok(HoldList { holds })
}

async fn with_whole_history(config: &AgentConfig, scratch: &Path) -> anyhow::Result<git::Settings> {
    let mut settings = repo::git_settings(config, keys::existing(config).await?, scratch);
    settings.limits.depth = None;
    Ok(settings)
}

/// How the configuration judges holds.
pub(super) fn query(config: &AgentConfig) -> HoldQuery {
    HoldQuery {
        until: config.settings.automation.hold,
        ..HoldQuery::default()
    }
}

fn configured<'a, G>(config: &AgentConfig, repo: &'a G) -> HeldBranch<'a, G> {
    HeldBranch::apart(repo, config.settings.repo.paths.clone())
}

/// A branch as the room `holds` reads it.
pub(super) struct HeldBranch<'a, G> {
    pub(super) repo: &'a G,
    pub(super) declared: Declared<'a>,
    pub(super) history: SharedHistory,
    pub(super) reporter: Reporter,
}

impl<'a, G> HeldBranch<'a, G> {
    /// For a command that runs apart from the agent. `paths`: the files that count; all, if empty.
    fn apart(repo: &'a G, paths: Vec<RepoPath>) -> Self {
        let targets = vec![TargetPaths::here(paths)];
        Self {
            repo,
            declared: Declared::apart(Reader::new(targets, Vec::new(), Metrics::new())),
            history: SharedHistory::default(),
            reporter: Reporter::new(vec![Box::new(Log)]),
        }
    }
}

impl<G: ConfigRepo> HoldReader for HeldBranch<'_, G> {
    async fn read(&self) -> Result<Reading, RepoFailure> {
        let tip = self.repo.fetch().await?;
        let holds = {
            let mut history = self.history.lock().await;
            automation::holds(self.repo, tip, &mut history, &self.reporter).await?
        };
        let declared = self.declared.at(self.repo, tip).await?;
        let fields = automation::image_fields(&declared).into_iter();
        let fields = fields.map(|field| ImageField {
            path: field.path,
            field: field.field,
            image: field.image,
            bumped_name: field.bumped_name,
            until: field.hold,
        });
        Ok(Reading {
            tip,
            blobs: declared.blobs.clone(),
            fields: fields.collect(),
            holds,
        })
    }
}
