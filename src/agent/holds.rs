//! Gives the room `holds` a repository to read: the configured branch, a clone on this machine, or an address.

use super::{AgentConfig, keys, repo};
use crate::automation::{self, HistoryReader};
use crate::git::{self, Author, Local, UserClone, without_password};
use crate::history::shell_word;
use crate::holds::{self, Held, HoldQuery, HoldReader, HoldSelector, ImageField, LiftMode, Lifted, Reading};
use crate::model::RepoPath;
use crate::port::{ConfigRepo, RepoFailure};
use crate::source::{Reader, TargetPaths};
use crate::telemetry::Metrics;
use std::path::Path;

/// What is held on the configured branch as the server has it now.
///
/// # Errors
/// The config repo could not be read.
pub async fn holds(config: AgentConfig) -> anyhow::Result<Vec<Held>> {
    let scratch = tempfile::tempdir()?;
    let repo = repo::open_to_read(&config, with_whole_history(&config, scratch.path()).await?)?;
    Ok(holds::list(&configured(&config, &repo), &query(&config)).await?)
}

/// What is held on a branch of a clone on this machine, in all files.
///
/// # Errors
/// The clone could not be read.
pub async fn holds_of_clone(path: &Path, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    let name = path.display().to_string();
    holds_of(&Local::open(path, branch)?, &name, branch).await
}

/// What is held in a repository elsewhere, cloned with the user's git program.
///
/// # Errors
/// The repository could not be cloned or read.
pub async fn holds_of_url(url: &str, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
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
    let mut settings = with_whole_history(&config, scratch.path()).await?;
    if let Some(author) = author {
        settings.author = author;
    }
    let signing = keys::signing(&config).await?;
    let repo = repo::open(&config, settings, signing)?;
    Ok(holds::lift(&repo, &configured(&config, &repo), &query(&config), mode, selector).await?)
}

/// Lifts holds on a branch that the user's git program can push.
///
/// # Errors
/// As `holds::lift`.
pub async fn lift_in_clone(repo: &UserClone, mode: LiftMode, selector: &HoldSelector) -> anyhow::Result<Lifted> {
    let reader = Branch {
        repo,
        paths: Vec::new(),
    };
    Ok(holds::lift(repo, &reader, &HoldQuery::default(), mode, selector).await?)
}

/// A repository without a commit holds nothing.
async fn holds_of(repo: &Local, name: &str, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    if branch.is_none() && repo.is_unborn().await? {
        return Ok(Vec::new());
    }
    let branch = branch.map_or(String::new(), |branch| format!(" --branch {}", shell_word(branch)));
    let query = HoldQuery {
        repo_arguments: format!(" --repo {}{branch}", shell_word(&without_password(name))),
        ..HoldQuery::default()
    };
    let paths = Vec::new();
    Ok(holds::list(&Branch { repo, paths }, &query).await?)
}

async fn with_whole_history(config: &AgentConfig, scratch: &Path) -> anyhow::Result<git::Settings> {
    let mut settings = repo::git_settings(config, keys::existing(config).await?, scratch);
    settings.limits.depth = None;
    Ok(settings)
}

fn query(config: &AgentConfig) -> HoldQuery {
    HoldQuery {
        until: config.settings.automation.hold,
        ..HoldQuery::default()
    }
}

fn configured<'a, G>(config: &AgentConfig, repo: &'a G) -> Branch<'a, G> {
    Branch {
        repo,
        paths: config.settings.repo.paths.clone(),
    }
}

/// A branch as the room `holds` reads it.
struct Branch<'a, G> {
    repo: &'a G,
    /// The files that count; all, if empty.
    paths: Vec<RepoPath>,
}

impl<G: ConfigRepo> HoldReader for Branch<'_, G> {
    async fn read(&self) -> Result<Reading, RepoFailure> {
        let tip = self.repo.fetch().await?;
        self.repo.unshallow().await?;
        let targets = vec![TargetPaths::here(self.paths.clone())];
        let declared = Reader::new(targets, Vec::new(), Metrics::new())
            .read(self.repo, tip)
            .await?;
        let mut reader = HistoryReader::default();
        let holds = reader.read(self.repo, tip).await?.holds.clone();
        if reader.is_cut() {
            tracing::warn!("the history has more commits than are read: reverts before them make no holds");
        }
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
