//! Confirms deletions that wait, for `tidegate confirm`.

use super::declared::Declared;
use super::home::Home;
use super::renderers::renderers;
use super::wire_sync::syncer;
use super::wiring::source_reader;
use super::{AgentConfig, keys, repo};
use crate::aws::{CallLimits, Sdk};
use crate::git::UserClone;
use crate::history::Confirmation;
use crate::model::{Author, CommitId, CommitPrefix, ObjectId};
use crate::port::{ConfigRepo, NewCommit, PushOutcome};
use crate::sync::{WaitingDeletions, approval};
use crate::telemetry::Metrics;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

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

/// For people.
impl fmt::Display for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(commit) = self.commit else {
            return f.write_str("no deletion waits, and no commit was made\n");
        };
        for id in &self.objects {
            writeln!(f, "{id}: will be deleted")?;
        }
        writeln!(f, "commit {commit}")
    }
}

/// Confirms the deletions that wait at `named`, by a commit on the configured branch that the deploy key pushes.
///
/// # Errors
/// The repository or the cluster could not be read or written; other deletions wait than those of `named`.
pub async fn confirm(config: AgentConfig, author: Option<Author>, named: &CommitPrefix) -> anyhow::Result<Confirmed> {
    let scratch = tempfile::tempdir()?;
    let settings = repo::git_settings(&config, keys::existing(&config).await?, scratch.path());
    let signing = keys::signing(&config).await?;
    let repo = repo::open(&config, settings, signing)?;
    apart(&config, &repo, author, named).await
}

/// As [`confirm`], on a branch that the user's git program can push.
///
/// # Errors
/// As [`confirm`].
pub async fn confirm_in_clone(
    config: AgentConfig,
    repo: &UserClone,
    named: &CommitPrefix,
) -> anyhow::Result<Confirmed> {
    apart(&config, repo, None, named).await
}

async fn apart(
    config: &AgentConfig,
    repo: &impl ConfigRepo,
    author: Option<Author>,
    named: &CommitPrefix,
) -> anyhow::Result<Confirmed> {
    let home = Home::connect(config, &Sdk::new(CallLimits::default())).await?;
    let renderers = renderers(config, Some(&home)).await;
    let inputs = Some(home.inputs());
    let scene = Scene {
        config,
        home,
        declared: Declared::apart(source_reader(config, renderers, inputs, Metrics::new())),
    };
    scene.confirm(repo, author, named).await
}

/// What a confirmation is made from, besides the repository.
pub(super) struct Scene<'a> {
    pub(super) config: &'a AgentConfig,
    pub(super) home: Home,
    pub(super) declared: Declared<'a>,
}

impl Scene<'_> {
    pub(super) async fn confirm(
        &self,
        repo: &impl ConfigRepo,
        author: Option<Author>,
        named: &CommitPrefix,
    ) -> anyhow::Result<Confirmed> {
        for _ in 0..RACES {
            let tip = repo.fetch().await?;
            let Some(waiting) = self.waiting(repo, tip, named).await? else {
                return Ok(Confirmed {
                    commit: None,
                    objects: Vec::new(),
                });
            };
            // The agent's signature on top of a commit that may not be applied would let that commit pass.
            if let Some(problem) = repo.verified_head(tip).await?.problem {
                bail!("nothing was confirmed, since the branch's tip is not verified: {problem}");
            }
            let commit = NewCommit {
                parent: tip,
                edits: Vec::new(),
                message: message(tip, &waiting),
                author: author.clone(),
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
        &self,
        repo: &impl ConfigRepo,
        tip: CommitId,
        named: &CommitPrefix,
    ) -> anyhow::Result<Option<WaitingDeletions>> {
        let settings = &self.config.settings.sync;
        let declared = self.declared.at(repo, tip).await?;
        let target = settings.targets.first().filter(|_| settings.enabled);
        let target = target.context("sync.enabled is false: nothing is deleted")?;
        let state = declared
            .target(&target.id)
            .context("the target has no paths in the config repo")?;
        let mut syncer = syncer(settings, self.home.target(target).await?);
        let last = syncer.last_applied().await?;
        let approval = approval(repo, settings.confirm, last, tip, syncer.has_waited()).await?;
        let Some(waiting) = syncer.waiting(state, approval).await? else {
            return Ok(None);
        };
        if named.names(tip) || syncer.waited_at(named, &waiting) {
            return Ok(Some(waiting));
        }
        bail!(
            "what waits now is not what waited at {named}: read `tidegate plan`, then run `tidegate confirm {}`",
            tip.short()
        )
    }
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
