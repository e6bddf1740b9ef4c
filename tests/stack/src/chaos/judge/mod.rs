//! What must be so when nothing moves, and what must not have happened on the way.
//!
//! [`Judge::settle`] waits until the world is as the models say, up to a deadline: that is what must come in the end. Then
//! [`Judge::look_back`] checks what must never have happened since the last time.

mod agreement;
mod bumps;
mod cluster;
mod quiet;
mod secrets;
mod snapshot;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::model::tree::Reader;
use super::world::World;
use snapshot::Snapshot;

/// The longest time until the world is at rest: a start on a busy machine, and the cooldown of a fight.
const REST: Duration = Duration::from_secs(90);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// Something that must not be.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    /// Which rule.
    pub(super) rule: &'static str,
    pub(super) text: String,
}

/// What the judge remembers of a world.
#[derive(Default)]
pub(super) struct Judge {
    reader: Reader,
    /// The commits that were judged.
    judged: BTreeSet<String>,
    /// The heads since the last judgement.
    pub(super) heads: Vec<String>,
    /// The end of the audit log at the last judgement.
    audited: Option<crate::control_plane::Mark>,
    cluster: cluster::Memory,
}

impl Judge {
    /// Waits until everything is as the models say.
    pub(super) async fn settle(&mut self, world: &mut World<'_>) -> Result<Option<Violation>> {
        let deadline = Instant::now() + REST;
        loop {
            let snapshot = Snapshot::take(world).await?;
            let open = match snapshot {
                Ok(snapshot) => match self.unsettled(world, &snapshot)? {
                    Some(open) => open,
                    None => match agreement::plan(world, &snapshot).await? {
                        None => return self.look_back(world, &snapshot).await,
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

    /// What is not yet as it has to be in the end.
    fn unsettled(&mut self, world: &World<'_>, snapshot: &Snapshot) -> Result<Option<Violation>> {
        let tree = self.reader.read(&world.repo, &snapshot.head)?;
        if let Some(text) = snapshot.is_behind() {
            return Ok(Some(Violation {
                rule: "the head is applied",
                text,
            }));
        }
        if let Some(text) = bumps::missing(world, &mut self.reader, snapshot)? {
            return Ok(Some(Violation {
                rule: "each tag lands, is superseded or is held",
                text,
            }));
        }
        if let Some(text) = cluster::not_as_declared(&tree, snapshot) {
            return Ok(Some(Violation {
                rule: "what is declared is applied",
                text,
            }));
        }
        if let Some(text) = self.cluster.left_over(world, &tree, snapshot) {
            return Ok(Some(Violation {
                rule: "what is no longer declared is deleted",
                text,
            }));
        }
        if let Some(text) = bumps::wrong_hold(world, &mut self.reader, snapshot)? {
            return Ok(Some(Violation {
                rule: "holds are as the history says",
                text,
            }));
        }
        Ok(agreement::disagreement(snapshot).map(|text| Violation {
            rule: "all channels agree",
            text,
        }))
    }

    /// What must be so while nobody does anything.
    pub(super) async fn stay_quiet(&mut self, world: &mut World<'_>) -> Result<Option<Violation>> {
        let disturbance = quiet::disturbance(world).await?;
        Ok(disturbance.map(|text| Violation {
            rule: "an idle agent is quiet and small",
            text,
        }))
    }

    /// What must never have happened.
    async fn look_back(&mut self, world: &mut World<'_>, snapshot: &Snapshot) -> Result<Option<Violation>> {
        let wrong = bumps::faults(world, &mut self.reader, &mut self.judged, snapshot)?;
        if let Some(text) = wrong {
            let rule = "the agent's commits change planned tags only";
            return Ok(Some(Violation { rule, text }));
        }
        let mark = self.audited.replace(world.cluster.audit_mark());
        let requests = match mark {
            Some(mark) => world.cluster.requests_since(&mark).await?,
            None => Vec::new(),
        };
        let heads: Vec<String> = std::mem::take(&mut self.heads);
        let wrong = self
            .cluster
            .wrong_deletion(world, &mut self.reader, &heads, snapshot, &requests)?;
        if let Some(text) = wrong {
            let rule = "only what was declared and is declared no more is deleted";
            return Ok(Some(Violation { rule, text }));
        }
        if let Some(text) = secrets::found(world, snapshot).await? {
            let rule = "no secret comes out";
            return Ok(Some(Violation { rule, text }));
        }
        self.heads.push(snapshot.head.clone());
        Ok(None)
    }
}
