//! Pushes with compare-and-swap, and settles every push: landed, lost or rejected.
//!
//! The update names the old value of the branch, and the server moves the branch only from there. A rejection counts as a lost
//! race only if the branch has really moved. After any doubt the remote's branch decides.

use super::error::Error;
use super::prepare::Prepared;
use super::rejection::{is_race, outcome};
use super::repository::Mirror;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::objects::error::Error as ObjectsError;
use crate::git::objects::ids::{commit_id, oid};
use crate::git::protocol::push::{self, Unanswered};
use crate::git::protocol::push_reply::{NO_COMMIT, Verdict};
use crate::git::protocol::update::Update;
use crate::git::transport::error::Error as TransportError;
use crate::git::transport::server_message::Refusal;
use crate::model::{BranchName, CommitId};
use crate::port::{NewCommit, PushOutcome};
use git2::{ErrorCode, Oid};
use std::sync::Arc;
use tokio::time::Instant;

/// A push is a few packets; a server that is silent so many times in a row is not just slow.
const SILENCES: u32 = 3;

/// Where the remote's branch is after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// At our commit.
    AtNew,
    /// At a descendant of our commit.
    BeyondNew,
    AtOld,
    Elsewhere,
}

/// Makes the commits and pushes them to the followed branch at once. The branch moves only from the first commit's parent.
pub(crate) fn commit_and_push(mirror: &mut Mirror, plans: &[NewCommit]) -> Result<PushOutcome, Error> {
    let parent = parent(plans)?;
    let Some(ours) = Prepared::new(mirror, plans, parent)? else {
        return Ok(PushOutcome::Lost);
    };
    let (new, old) = (ours.id(), oid(parent.as_bytes())?);
    let update = Update {
        branch: mirror.settings.branch.full(),
        old: old.to_string(),
        new: new.to_string(),
        pack: ours.pack.clone(),
    };
    let settled = settle(mirror, &update, |mirror| followed_position(mirror, old, new))?;
    Ok(match settled {
        Settled::Landed(position) => {
            if position == Position::AtNew {
                // The push has landed, whether or not the mirror can note it. The next fetch repairs the mirror.
                let _ = ours.keep(mirror).and_then(|()| mirror.note_tip(new));
            }
            PushOutcome::Landed(commit_id(new))
        }
        Settled::Failed(outcome) => outcome,
    })
}

/// Makes the commits and moves the proposal branch to the last of them, from `seen`. If the branch has that commit already,
/// nothing is pushed.
pub(crate) fn replace_proposal_branch(
    mirror: &mut Mirror,
    branch: &BranchName,
    seen: Option<CommitId>,
    plans: &[NewCommit],
) -> Result<PushOutcome, Error> {
    let Some(ours) = Prepared::new(mirror, plans, parent(plans)?)? else {
        return Ok(PushOutcome::Lost);
    };
    let new = commit_id(ours.id());
    if seen == Some(new) {
        return Ok(PushOutcome::Landed(new));
    }
    let settled = move_proposal_branch(mirror, branch, seen, Some(new), ours.pack.clone())?;
    Ok(match settled {
        Settled::Landed(_) => {
            // Objects that the mirror cannot keep are fetched when they are needed.
            let _ = ours.keep(mirror);
            PushOutcome::Landed(new)
        }
        Settled::Failed(outcome) => outcome,
    })
}

/// Removes the proposal branch if it still is at `seen`.
pub(crate) fn remove_proposal_branch(
    mirror: &mut Mirror,
    branch: &BranchName,
    seen: CommitId,
) -> Result<PushOutcome, Error> {
    let settled = move_proposal_branch(mirror, branch, Some(seen), None, Vec::new())?;
    Ok(match settled {
        Settled::Landed(_) => PushOutcome::Landed(seen),
        Settled::Failed(outcome) => outcome,
    })
}

fn parent(plans: &[NewCommit]) -> Result<CommitId, Error> {
    let first = plans
        .first()
        .ok_or_else(|| ObjectsError::plan("the plan has no commit"))?;
    Ok(first.parent)
}

fn move_proposal_branch(
    mirror: &mut Mirror,
    branch: &BranchName,
    old: Option<CommitId>,
    new: Option<CommitId>,
    pack: Vec<u8>,
) -> Result<Settled, Error> {
    let digits = |id: Option<CommitId>| id.map_or_else(|| NO_COMMIT.to_owned(), |id| id.to_string());
    let update = Update {
        branch: branch.full(),
        old: digits(old),
        new: digits(new),
        pack,
    };
    settle(mirror, &update, |mirror| {
        Ok(match mirror.fetch_proposal_branch(branch, false)? {
            tip if tip == new => Position::AtNew,
            tip if tip == old => Position::AtOld,
            _ => Position::Elsewhere,
        })
    })
}

/// Where the followed branch is. If it has moved, it is fetched, because our commit may be below its tip.
fn followed_position(mirror: &mut Mirror, old: Oid, new: Oid) -> Result<Position, Error> {
    let tip = mirror.remote_tip()?;
    if tip == new {
        return Ok(Position::AtNew);
    }
    if tip == old {
        return Ok(Position::AtOld);
    }
    let tip = oid(mirror.fetch()?.as_bytes())?;
    let is_beyond = mirror.with(|repo| {
        let found = repo.find_commit(new).and_then(|_| repo.graph_descendant_of(tip, new));
        match found {
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            other => other.map_err(Libgit2Error::doing("look for our commit on the branch")),
        }
    })?;
    Ok(if is_beyond {
        Position::BeyondNew
    } else {
        Position::Elsewhere
    })
}

/// The result of a push.
enum Settled {
    Landed(Position),
    Failed(PushOutcome),
}

impl Settled {
    /// The result, unless the branch is still at its old value.
    fn by(position: Position) -> Option<Self> {
        match position {
            Position::AtNew | Position::BeyondNew => Some(Self::Landed(position)),
            Position::Elsewhere => Some(Self::Failed(PushOutcome::Lost)),
            Position::AtOld => None,
        }
    }
}

/// Pushes the update and settles its outcome. `position` asks the server where the branch is. A rejection by a race that has
/// not moved the branch is tried again, once.
fn settle(
    mirror: &mut Mirror,
    update: &Update,
    position: impl Fn(&mut Mirror) -> Result<Position, Error>,
) -> Result<Settled, Error> {
    let until = Instant::now() + mirror.settings.timeout.saturating_mul(SILENCES);
    let mut was_rejected = false;
    loop {
        let (connection, runtime) = (Arc::clone(&mirror.connection), mirror.runtime.clone());
        match runtime.block_on(push::push(&connection, update, until)) {
            Ok(Verdict::Accepted) => return Ok(Settled::Landed(Position::AtNew)),
            Ok(Verdict::Moved) => {
                let settled = Settled::by(position(mirror)?);
                return Ok(settled.unwrap_or(Settled::Failed(PushOutcome::Lost)));
            }
            Ok(Verdict::Rejected { status, message }) => {
                if is_race(&status) {
                    if let Some(settled) = Settled::by(position(mirror)?) {
                        return Ok(settled);
                    }
                    if !was_rejected {
                        was_rejected = true;
                        continue;
                    }
                }
                return Ok(Settled::Failed(outcome(&status, &message)));
            }
            Err(unanswered) => return settle_unanswered(mirror, unanswered, position),
        }
    }
}

/// Settles a push without a verdict: by the server's words if it has refused the push, otherwise by the branch.
fn settle_unanswered(
    mirror: &mut Mirror,
    unanswered: Unanswered,
    position: impl Fn(&mut Mirror) -> Result<Position, Error>,
) -> Result<Settled, Error> {
    let Unanswered { cause, was_sent } = unanswered;
    let refused = match &cause {
        TransportError::Refused {
            kind: Refusal::NoWrite,
            message,
            ..
        } => return Ok(Settled::Failed(PushOutcome::ReadOnly(message.clone()))),
        TransportError::Refused {
            kind: Refusal::Other,
            message,
            ..
        } if !message.is_empty() => Some(Settled::Failed(PushOutcome::Refused(message.clone()))),
        _ => None,
    };
    if !was_sent {
        return refused.ok_or(Error::Transport(cause));
    }
    let url = mirror.settings.url.to_string();
    match position(mirror).map(Settled::by) {
        Ok(Some(settled)) => Ok(settled),
        Ok(None) => refused.ok_or(Error::CutOff { url, source: cause }),
        Err(source) => Err(Error::OutcomeUnknown {
            url,
            source: source.into(),
        }),
    }
}
