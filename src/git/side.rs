//! A branch beside the followed one: read, replaced as a whole, removed. The lease is the value that was seen: whatever
//! stands there, it is replaced only if it is still that.

use super::error::Error;
use super::mirror::{Mirror, commit_id, oid};
use super::push::{declined, is_race, prepare};
use super::receive_pack::{self, Answer, NOTHING, Unanswered, Update};
use super::transport;
use super::words::Refusal;
use crate::model::{BranchName, CommitId};
use crate::port::{NewCommit, PushOutcome};
use git2::{AutotagOption, Direction, ErrorCode, FetchOptions, RemoteUpdateFlags, Repository};
use std::sync::Arc;
use tokio::time::Instant;

/// A push is a few packets; this many silences of the server in a row are not a slow one.
const SILENCES: u32 = 3;
/// A side branch has one commit, or one for each workload.
const COMMITS: usize = 100;

/// The branch's tip as the server says now, its history fetched; `None` if there is no such branch. Where history is bounded
/// so is this branch's: never nearer than what is known of the followed one, whose boundary the fetch would otherwise move.
/// With `further` it is fetched again although its tip is there.
pub(super) fn fetch(mirror: &mut Mirror, branch: &BranchName, further: bool) -> Result<Option<CommitId>, Error> {
    let depth = match mirror.with(|repo| Ok(repo.is_shallow()))? {
        true => i32::try_from(mirror.known()?.saturating_add(COMMITS)).ok(),
        false => None,
    };
    let (wire, runtime, settings) = (
        Arc::clone(&mirror.wire),
        mirror.runtime.clone(),
        Arc::clone(&mirror.settings),
    );
    let (full, tracking) = (branch.full(), format!("refs/remotes/origin/{branch}"));
    let tip = mirror.with(|repo| {
        transport::run(
            &wire,
            &runtime,
            settings.limits.whole(),
            "fetch the side branch",
            || {
                let mut remote = repo.remote_anonymous(&settings.url.to_string())?;
                let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
                let Some(tip) = connection
                    .list()?
                    .iter()
                    .find(|head| head.name() == full)
                    .map(|head| head.oid())
                else {
                    return Ok(None);
                };
                if further || repo.find_commit(tip).is_err() {
                    let mut options = FetchOptions::new();
                    options.download_tags(AutotagOption::None);
                    if let Some(depth) = depth {
                        options.depth(depth);
                    }
                    let refspec = format!("+{full}:{tracking}");
                    connection.remote().download(&[refspec.as_str()], Some(&mut options))?;
                    connection.remote().update_tips(
                        None,
                        RemoteUpdateFlags::empty(),
                        AutotagOption::None,
                        Some("fetch"),
                    )?;
                }
                Ok(Some(tip))
            },
        )
    })?;
    let at = tip.map_or_else(|| NOTHING.to_owned(), |tip| tip.to_string());
    runtime.block_on(wire.get_ready(&full, &at));
    Ok(tip.map(commit_id))
}

/// Whether the two have a commit in common that is known.
pub(super) fn meet(repo: &Repository, one: CommitId, other: CommitId) -> Result<bool, Error> {
    match repo.merge_base(oid(one.as_bytes())?, oid(other.as_bytes())?) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(source) => Err(Error::Git {
            doing: "find out where the side branch begins",
            source,
        }),
    }
}

/// Makes the commits and has the branch point at the last instead of at what was seen there. The same again is not pushed.
pub(super) fn replace(
    mirror: &mut Mirror,
    branch: &BranchName,
    seen: Option<CommitId>,
    plans: &[NewCommit],
) -> Result<PushOutcome, Error> {
    let parent = plans.first().map(|plan| plan.parent).ok_or_else(|| Error::Plan {
        rule: "there is none to make".to_owned(),
    })?;
    let Some(made) = prepare(mirror, plans, parent)? else {
        return Ok(PushOutcome::Lost);
    };
    let ours = commit_id(made.id());
    if seen == Some(ours) {
        return Ok(PushOutcome::Landed(ours));
    }
    let outcome = send(mirror, branch, seen, Some(ours), made.pack.clone())?;
    if outcome == PushOutcome::Landed(ours) {
        // What cannot be kept is fetched again when it is asked for.
        let _ = made.keep(mirror);
    }
    Ok(outcome)
}

/// Removes the branch if it still is what was seen; `Landed` tells what it was.
pub(super) fn remove(mirror: &mut Mirror, branch: &BranchName, seen: CommitId) -> Result<PushOutcome, Error> {
    Ok(match send(mirror, branch, Some(seen), None, Vec::new())? {
        PushOutcome::Landed(_) => PushOutcome::Landed(seen),
        other => other,
    })
}

fn send(
    mirror: &mut Mirror,
    branch: &BranchName,
    old: Option<CommitId>,
    new: Option<CommitId>,
    pack: Vec<u8>,
) -> Result<PushOutcome, Error> {
    let name = |id: Option<CommitId>| id.map_or_else(|| NOTHING.to_owned(), |id| id.to_string());
    let update = Update {
        branch: branch.full(),
        old: name(old),
        new: name(new),
        pack,
    };
    let landed = PushOutcome::Landed(new.or(old).ok_or_else(|| Error::Plan {
        rule: "nothing would be replaced by nothing".to_owned(),
    })?);
    let until = Instant::now() + mirror.settings.timeout.saturating_mul(SILENCES);
    let (wire, runtime) = (Arc::clone(&mirror.wire), mirror.runtime.clone());
    match runtime.block_on(receive_pack::push(&wire, &update, until)) {
        Ok(Answer::Done) => Ok(landed),
        Ok(Answer::Moved) if fetch(mirror, branch, false)? == new => Ok(landed),
        Ok(Answer::Moved) => Ok(PushOutcome::Lost),
        Ok(Answer::Declined { status, said }) if is_race(&status) => Ok(match fetch(mirror, branch, false)? {
            tip if tip == new => landed,
            tip if tip == old => declined(&status, &said),
            _ => PushOutcome::Lost,
        }),
        Ok(Answer::Declined { status, said }) => Ok(declined(&status, &said)),
        Err(Unanswered {
            cause:
                Error::Remote {
                    kind: Refusal::NoWrite,
                    words,
                    ..
                },
            ..
        }) => Ok(PushOutcome::ReadOnly(words)),
        Err(Unanswered { cause, sent: false }) => Err(cause),
        Err(Unanswered { cause, sent: true }) => {
            let url = mirror.settings.url.to_string();
            match fetch(mirror, branch, false) {
                Ok(tip) if tip == new => Ok(landed),
                Ok(tip) if tip == old => Err(Error::CutOff {
                    url,
                    source: cause.into(),
                }),
                Ok(_) => Ok(PushOutcome::Lost),
                Err(source) => Err(Error::Doubt {
                    url,
                    source: source.into(),
                }),
            }
        }
    }
}
