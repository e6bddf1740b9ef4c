//! Reading commits, newest first, with what differs between each of them and its parents.

use super::bounds;
use super::error::Error;
use super::mirror::{commit_id, oid};
use super::tree;
use crate::model::{BlobId, CommitId};
use crate::port::HistoryCommit;
use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Sort};
use std::fmt::Display;

/// A commit message is a page at most. Of a longer one that has trailers of ours, as much of the end is kept as can be read of
/// them; of any other so much.
const LONG_MESSAGE: usize = 256 << 10;
/// So much of a long message's beginning is kept beside its end.
const BEGINNING: usize = 4 << 10;
/// What every trailer of ours begins with, in any case of letters.
const OURS: &[u8] = b"tidegate-";

/// A commit by its id; one that is not there is no damage: its branch may have been reset.
pub(super) fn commit<'a>(repo: &'a Repository, place: &dyn Display, id: CommitId) -> Result<Commit<'a>, Error> {
    repo.find_commit(oid(id.as_bytes())?)
        .map_err(|source| match source.code() {
            ErrorCode::NotFound => Error::NoCommit {
                commit: id,
                url: place.to_string(),
            },
            _ => Error::Git {
                doing: "read a commit",
                source,
            },
        })
}

pub(super) fn history(
    repo: &Repository,
    place: &dyn Display,
    tip: CommitId,
    until: Option<CommitId>,
    limit: usize,
) -> Result<Vec<HistoryCommit>, Error> {
    let failed = |source| Error::Git {
        doing: "read the history",
        source,
    };
    let mut walk = repo.revwalk().map_err(failed)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(failed)?;
    walk.push(commit(repo, place, tip)?.id()).map_err(failed)?;
    if let Some(until) = until {
        let until = oid(until.as_bytes())?;
        if repo.odb().map_err(failed)?.exists(until) {
            walk.hide(until).map_err(failed)?;
        }
    }
    walk.take(limit)
        .map(|id| id.and_then(|id| read(repo, id)).map_err(failed))
        .collect()
}

fn read(repo: &Repository, id: Oid) -> Result<HistoryCommit, git2::Error> {
    let commit = repo.find_commit(id)?;
    let parents: Vec<Commit<'_>> = commit.parents().collect();
    let since = |parent: &Commit<'_>| tree::changes(repo, commit.tree_id(), &[parent.tree_id()]);
    let (changes, merged) = match parents.as_slice() {
        [] if bounds::is_cut(&commit) => (Vec::new(), Vec::new()),
        [] => (tree::changes(repo, commit.tree_id(), &[])?, Vec::new()),
        [first, others @ ..] => (since(first)?, others.iter().map(since).collect::<Result<_, _>>()?),
    };
    Ok(HistoryCommit {
        id: commit_id(id),
        parents: commit.parent_ids().map(commit_id).collect(),
        author: author(&commit),
        committed_at: jiff::Timestamp::from_second(commit.time().seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        message: message(commit.message_bytes()),
        changes,
        merged,
    })
}

/// The beginning and the end of a long message, since trailers stand at the end; neither is torn within a line, but for one that
/// is longer than either.
fn message(bytes: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if bytes.len() <= LONG_MESSAGE {
        return text(bytes);
    }
    let last = |count: usize| {
        let end = bytes.get(bytes.len().saturating_sub(count)..).unwrap_or(bytes);
        let line = end.iter().position(|byte| *byte == b'\n');
        line.and_then(|line| end.get(line + 1..)).unwrap_or(end)
    };
    let longest = last(crate::history::LONGEST_MESSAGE - 2 * BEGINNING);
    let ours = |end: &[u8]| end.windows(OURS.len()).any(|word| word.eq_ignore_ascii_case(OURS));
    let end = if ours(longest) {
        longest
    } else {
        last(LONG_MESSAGE - 2 * BEGINNING)
    };
    format!("{}\n\n{}", text(bytes.get(..BEGINNING).unwrap_or(bytes)), text(end))
}

pub(super) fn author(commit: &Commit<'_>) -> String {
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{} <{}>", text(author.name_bytes()), text(author.email_bytes()))
}

/// False when `ancestor` is not in the mirror.
pub(super) fn is_ancestor(
    repo: &Repository,
    place: &dyn Display,
    ancestor: CommitId,
    descendant: CommitId,
) -> Result<bool, Error> {
    let descendant = commit(repo, place, descendant)?.id();
    let ancestor = match commit(repo, place, ancestor) {
        Ok(ancestor) => ancestor.id(),
        Err(Error::NoCommit { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let below = ancestor == descendant
        || repo
            .graph_descendant_of(descendant, ancestor)
            .map_err(|source| Error::Git {
                doing: "compare two commits",
                source,
            })?;
    Ok(below)
}

/// Contents in the order asked for; `None` for one larger than `limit`.
pub(super) fn blobs(repo: &Repository, ids: &[BlobId], limit: usize) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let failed = |source| Error::Git {
        doing: "read a file's content",
        source,
    };
    let odb = repo.odb().map_err(failed)?;
    let read = |id: &BlobId| {
        let id = oid(id.as_bytes())?;
        let (size, kind) = odb.read_header(id).map_err(failed)?;
        if kind != ObjectType::Blob {
            return Err(failed(git2::Error::from_str("it is not a blob")));
        }
        if size > limit {
            return Ok(None);
        }
        Ok(Some(odb.read(id).map_err(failed)?.data().to_vec()))
    };
    ids.iter().map(read).collect()
}
