//! How far back a history goes that was fetched in part.

use super::error::Error;
use super::history;
use crate::model::CommitId;
use git2::{Commit, Repository, Sort};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Display;

/// Committers' clocks run behind by so much at most.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// One clock that is far behind says nothing: the newest of so many oldest commits does.
const WITNESSES: usize = 20;

/// Whether every commit since then (or every one, if no time is given) is known.
pub(super) fn reaches(
    repo: &Repository,
    place: &dyn Display,
    tip: CommitId,
    since: Option<Timestamp>,
) -> Result<bool, Error> {
    if !repo.is_shallow() {
        return Ok(true);
    }
    let Some(since) = since else { return Ok(false) };
    let failed = |source| Error::Git {
        doing: "find out how far back the history goes",
        source,
    };
    let mut walk = repo.revwalk().map_err(failed)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME | Sort::REVERSE)
        .map_err(failed)?;
    walk.push(history::commit(repo, place, tip)?.id()).map_err(failed)?;
    let mut newest = i64::MIN;
    let mut seen = 0;
    for id in walk {
        let commit = id.and_then(|id| repo.find_commit(id)).map_err(failed)?;
        if seen < WITNESSES || is_cut(&commit) {
            newest = newest.max(commit.time().seconds());
        }
        seen += 1;
    }
    Ok(seen > WITNESSES
        && Timestamp::from_second(newest)
            .is_ok_and(|newest| newest.saturating_add(MARGIN).is_ok_and(|newest| newest < since)))
}

/// Whether the commit has parents that were not fetched.
pub(super) fn is_cut(commit: &Commit<'_>) -> bool {
    let header = commit.raw_header_bytes();
    commit.parent_count() == 0
        && header
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(b"parent "))
}
