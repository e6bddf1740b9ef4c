//! Confirms deletions that wait, for `tidegate confirm`.

use super::home::Home;
use super::wiring::source_reader;
use super::{AgentConfig, keys, repo};
use crate::git::{Author, UserClone};
use crate::history::Confirmation;
use crate::model::{CommitId, ObjectId};
use crate::port::{ConfigRepo, NewCommit, PushOutcome};
use crate::sync::{Syncer, WaitingDeletions, approval};
use crate::telemetry::Metrics;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;

/// How often a lost race is run again before the command gives up.
const RACES: u32 = 8;
/// How many objects the commit message lists.
const MAX_LISTED: usize = 100;

/// What a command confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// The commit that confirms; `None` if nothing waits, so that there was nothing to do.
    pub commit: Option<CommitId>,
    /// The objects that the agent will delete.
    pub objects: Vec<ObjectId>,
}

/// Confirms the deletions that wait at `named` (a commit, or the beginning of its id), by a commit on the configured branch
/// that the deploy key pushes.
///
/// # Errors
/// The repository or the cluster could not be read or written; other deletions wait than those of `named`.
pub async fn confirm(config: AgentConfig, author: Option<Author>, named: &str) -> anyhow::Result<Confirmed> {
    let scratch = tempfile::tempdir()?;
    let mut settings = repo::git_settings(&config, keys::existing(&config).await?, scratch.path());
    if let Some(author) = author {
        settings.author = author;
    }
    let signing = keys::signing(&config).await?;
    let repo = repo::open(&config, settings, signing)?;
    push(&config, &repo, named).await
}

/// As [`confirm`], on a branch that the user's git program can push.
///
/// # Errors
/// As [`confirm`].
pub async fn confirm_in_clone(config: AgentConfig, repo: &UserClone, named: &str) -> anyhow::Result<Confirmed> {
    push(&config, repo, named).await
}

async fn push(config: &AgentConfig, repo: &impl ConfigRepo, named: &str) -> anyhow::Result<Confirmed> {
    for _ in 0..RACES {
        let tip = repo.fetch().await?;
        let Some(waiting) = waiting(config, repo, tip, named).await? else {
            return Ok(Confirmed {
                commit: None,
                objects: Vec::new(),
            });
        };
        let commit = NewCommit {
            parent: tip,
            edits: Vec::new(),
            message: message(tip, &waiting),
            time: Timestamp::now(),
        };
        match repo.commit_and_push(vec![commit]).await? {
            PushOutcome::Landed(commit) => {
                return Ok(Confirmed {
                    commit: Some(commit),
                    objects: waiting.objects,
                });
            }
            PushOutcome::Lost => {}
            PushOutcome::Refused(words) => bail!("the git server refused the push: {words}"),
            PushOutcome::ReadOnly(words) => {
                bail!("the deploy key may not push: {words}; name a clone of yours with --repo")
            }
        }
    }
    bail!("others pushed {RACES} times in between; run the command again")
}

/// The deletions that wait at the tip. They have to be those that waited at the commit that the caller names.
async fn waiting(
    config: &AgentConfig,
    repo: &impl ConfigRepo,
    tip: CommitId,
    named: &str,
) -> anyhow::Result<Option<WaitingDeletions>> {
    let settings = &config.settings.sync;
    let declared = source_reader(config, Metrics::new()).read(repo, tip).await?;
    let target = settings.targets.first().filter(|_| settings.enabled);
    let target = target.context("sync.enabled is false: nothing is deleted")?;
    let state = declared
        .target(&target.id)
        .context("the target has no paths in the config repo")?;
    let mut syncer = Syncer::new(Home::connect(config).await?.target(target), settings.deletions);
    let last = syncer.last_applied().await?;
    let approval = approval(repo, settings.confirm, last, tip, syncer.has_waited()).await?;
    let Some(waiting) = syncer.waiting(state, approval).await? else {
        return Ok(None);
    };
    let named = named.to_ascii_lowercase();
    if tip.to_string().starts_with(&named) || syncer.waited_at(&named, &waiting) {
        return Ok(Some(waiting));
    }
    bail!(
        "what waits now is not what waited at {named}: read `tidegate plan`, then run `tidegate confirm {}`",
        tip.short()
    )
}

fn message(tip: CommitId, waiting: &WaitingDeletions) -> String {
    let mut lines: Vec<String> = waiting.objects.iter().map(|id| format!("- {id}")).collect();
    if lines.len() > MAX_LISTED {
        let more = lines.len() - MAX_LISTED;
        lines.truncate(MAX_LISTED);
        lines.push(format!("- and {more} more"));
    }
    let confirmation = Confirmation {
        commit: tip,
        objects: waiting.key().to_string(),
    };
    let count = waiting.objects.len();
    let objects = if count == 1 { "object" } else { "objects" };
    format!(
        "Confirm the deletion of {count} {objects}\n\n{}\n\n{}\n",
        lines.join("\n"),
        confirmation.trailer()
    )
}
