//! What must be so when nothing moves, and what must not have happened on the way.
//!
//! [`Judge::settle`] waits until the world is as the models say, up to a deadline: that is what must come in the end. Then
//! [`Judge::look_back`] checks what must never have happened since the last time.

mod agreement;
mod bumps;
mod cluster;
mod pull_secrets;
mod quiet;
mod releases;
mod secrets;
mod snapshot;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::model::tree::Reader;
use super::world::World;
use bumps::Histories;
use snapshot::Snapshot;

/// The longest time until the world is at rest: a start on a very busy machine, and the cooldown of a fight.
const REST: Duration = Duration::from_secs(240);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// Something that must not be.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    /// Which rule.
    pub(super) rule: &'static str,
    pub(super) text: String,
}

/// What breaks a rule, if there is a text that says so.
fn violation(rule: &'static str, text: Option<String>) -> Option<Violation> {
    text.map(|text| Violation { rule, text })
}

/// What the judge remembers of a world.
#[derive(Default)]
pub(super) struct Judge {
    reader: Reader,
    /// The commits that were judged.
    judged: BTreeSet<String>,
    /// The heads since the last judgement.
    heads: Vec<String>,
    /// The end of the audit log at the last judgement.
    audited: Option<crate::control_plane::Mark>,
    cluster: cluster::Memory,
    pull_secrets: pull_secrets::Memory,
    releases: releases::Memory,
    /// How many scans the agent had made when the last judgement began.
    scans: u64,
}

impl Judge {
    /// A judge who decrypts with this key.
    pub(super) fn with_key(key: PathBuf) -> Self {
        Self {
            reader: Reader::with_key(key),
            ..Self::default()
        }
    }

    /// Waits until everything is as the models say.
    pub(super) async fn settle(&mut self, world: &mut World<'_>) -> Result<Option<Violation>> {
        let deadline = Instant::now() + REST;
        let mut scans = None;
        loop {
            let snapshot = Snapshot::take(world).await?;
            if let Ok(snapshot) = &snapshot {
                self.scans = *scans.get_or_insert(snapshot.scans());
            }
            let open = match snapshot {
                Ok(snapshot) => match self.unsettled(world, &snapshot)? {
                    Err(open) => open,
                    Ok(histories) => match agreement::plan(world, &snapshot).await? {
                        None => return self.look_back(world, &snapshot, histories).await,
                        Some(text) => Violation {
                            rule: "a world at rest has nothing to do",
                            text,
                        },
                    },
                },
                Err(why) => Violation {
                    rule: "the agent answers",
                    text: why,
                },
            };
            if let Some(code) = world.agent.process()?.exit_code() {
                return Ok(Some(Violation {
                    rule: "the agent runs",
                    text: format!("it ended with code {code}:\n{}", world.agent.process()?.log_tail()),
                }));
            }
            if Instant::now() > deadline {
                return Ok(Some(open));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Remembers the branch's head: what it does not declare may be deleted from now on.
    pub(super) fn note_head(&mut self, world: &World<'_>) -> Result<()> {
        let head = world.head()?;
        if self.heads.last() != Some(&head) {
            self.heads.push(head);
        }
        Ok(())
    }

    /// What the history says, or what is not yet as it has to be in the end.
    fn unsettled(
        &mut self,
        world: &World<'_>,
        snapshot: &Snapshot,
    ) -> Result<std::result::Result<Histories, Violation>> {
        let tree = self.reader.read(&world.repo, &snapshot.head)?;
        if let Some(open) = violation("the head is applied", snapshot.is_behind()) {
            return Ok(Err(open));
        }
        let histories = Histories::read(world, &mut self.reader, &snapshot.head)?;
        let missing = bumps::missing(world, &histories, snapshot);
        let open = violation("each tag lands, is superseded or is held", missing)
            .or_else(|| {
                let different = cluster::not_as_declared(&tree, snapshot);
                violation("what is declared is applied", different)
            })
            .or_else(|| {
                let left = self.cluster.left_over(world, &tree, snapshot);
                violation("what is no longer declared is deleted", left)
            })
            .or_else(|| {
                let wrong = bumps::wrong_hold(world, &histories, snapshot);
                violation("holds are as the history says", wrong)
            })
            .or_else(|| violation("pull secrets are as the rules say", pull_secrets::open(world, snapshot)))
            .or_else(|| violation("HelmReleases are deployed", releases::open(world, &tree, snapshot)))
            .or_else(|| violation("all channels agree", agreement::disagreement(snapshot)));
        Ok(open.map_or(Ok(histories), Err))
    }

    /// What must be so while nobody does anything.
    pub(super) async fn stay_quiet(&mut self, world: &mut World<'_>) -> Result<Option<Violation>> {
        if let Some(moving) = quiet::calm(world, self.scans).await? {
            return Ok(violation("a world at rest comes to rest", Some(moving)));
        }
        let disturbance = quiet::disturbance(world).await?;
        Ok(violation("an idle agent is quiet and small", disturbance))
    }

    /// What must never have happened.
    async fn look_back(
        &mut self,
        world: &mut World<'_>,
        snapshot: &Snapshot,
        histories: Histories,
    ) -> Result<Option<Violation>> {
        let wrong = bumps::faults(world, histories, &mut self.judged);
        if let Some(wrong) = violation("the agent's commits change planned tags only", wrong) {
            return Ok(Some(wrong));
        }
        let mark = self.audited.replace(world.cluster.audit_mark());
        let requests = match mark {
            Some(mark) => world.cluster.requests_since(&mark).await?,
            None => Vec::new(),
        };
        let heads: Vec<String> = std::mem::take(&mut self.heads);
        let mut trees = Vec::new();
        for head in heads.iter().chain([&snapshot.head]) {
            trees.push(self.reader.read(&world.repo, head)?);
        }
        let wrong = self.releases.wrong(world, &trees, snapshot);
        if let Some(wrong) = violation("a HelmRelease that stays is not made anew", wrong) {
            return Ok(Some(wrong));
        }
        let wrong = self
            .cluster
            .wrong_deletion(world, &mut self.reader, &heads, snapshot, &requests)?;
        if let Some(wrong) = violation("only what was declared and is declared no more is deleted", wrong) {
            return Ok(Some(wrong));
        }
        let wrong = self.pull_secrets.wrong(world, snapshot);
        if let Some(wrong) = violation("pull secrets change in place, and what is somebody else's stays", wrong) {
            return Ok(Some(wrong));
        }
        let found = secrets::found(world, snapshot).await?;
        if let Some(found) = violation("no secret comes out", found) {
            return Ok(Some(found));
        }
        self.heads.push(snapshot.head.clone());
        Ok(None)
    }
}
