//! Reads commits, newest first, with the files that differ between each commit and its parents.

use super::error::Error;
use super::ids::{commit_id, oid};
use super::tree::Selection;
use super::{left_out, shallow, tree};
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::model::{BlobId, CommitId};
use crate::port::HistoryCommit;
use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Sort};
use std::fmt::Display;

/// A commit message is a page at most. Of a longer message so much is kept; if its end has trailers of ours, as much of the
/// end as trailers are read from.
const LONG_MESSAGE: usize = 64 << 10;
/// So much of a long message's beginning is kept along with its end.
const BEGINNING: usize = 4 << 10;
/// The longest name of an author, in bytes.
const LONG_AUTHOR: usize = 1000;
/// The bytes of messages that are in memory at once, two messages of the longest kind more or less. Of further messages only the
/// beginning is kept, or the reading goes on from there.
const MOST_TEXT: usize = 8 << 20;
/// The changed files that are in memory at once.
const MOST_CHANGES: usize = 100_000;
/// The beginning of every trailer of ours, in any case of letters.
const OURS: &[u8] = b"tidegate-";

/// A commit by its id. A commit that does not exist is no damage: its branch may have been reset. `repository` is for the
/// error.
pub(crate) fn commit<'a>(repo: &'a Repository, repository: &dyn Display, id: CommitId) -> Result<Commit<'a>, Error> {
    repo.find_commit(oid(id.as_bytes())?)
        .map_err(|source| match source.code() {
            ErrorCode::NotFound => Error::NoCommit {
                commit: id,
                repository: repository.to_string(),
            },
            _ => Libgit2Error::doing("read a commit")(source).into(),
        })
}

/// The ids of at most `limit` commits from `tip` back, without `until` and its ancestors.
pub(crate) fn ids(
    repo: &Repository,
    repository: &dyn Display,
    tip: CommitId,
    until: Option<CommitId>,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<CommitId>, Error> {
    let failed = Libgit2Error::doing("read the history");
    let mut walk = repo.revwalk().map_err(failed)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(failed)?;
    walk.push(commit(repo, repository, tip)?.id()).map_err(failed)?;
    if let Some(until) = until {
        let until = oid(until.as_bytes())?;
        if repo.odb().map_err(failed)?.exists(until) {
            walk.hide(until).map_err(failed)?;
        }
    }
    let ids = walk.take(limit).map(|id| {
        budget.step()?;
        Ok(commit_id(id.map_err(failed)?))
    });
    ids.collect()
}

/// The first of these commits, at least one: as many as fit into memory. Only the `selection` is among their changes.
pub(crate) fn commits(
    repo: &Repository,
    ids: &[CommitId],
    selection: Selection<'_>,
    budget: &Budget,
) -> Result<Vec<HistoryCommit>, Error> {
    let (mut found, mut text, mut changes) = (Vec::new(), 0, 0);
    for id in ids {
        let commit = read(repo, *id, selection, usize::MAX, budget)?;
        text += commit.message.len();
        changes += commit.changes.len() + commit.merged.iter().map(Vec::len).sum::<usize>();
        found.push(commit);
        if text > MOST_TEXT || changes > MOST_CHANGES {
            break;
        }
    }
    Ok(found)
}

/// At most `limit` commits from `tip` back, without `until` and its ancestors.
pub(crate) fn history(
    repo: &Repository,
    repository: &dyn Display,
    tip: CommitId,
    until: Option<CommitId>,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<HistoryCommit>, Error> {
    let mut room = MOST_TEXT;
    let ids = ids(repo, repository, tip, until, limit, budget)?;
    let commits = ids.into_iter().map(|id| {
        let commit = read(repo, id, Selection::ALL, room, budget)?;
        room = room.saturating_sub(commit.message.len());
        Ok(commit)
    });
    commits.collect()
}

/// Reads a commit. Of a message that is longer than `room` only the beginning is kept.
fn read(
    repo: &Repository,
    id: CommitId,
    selection: Selection<'_>,
    room: usize,
    budget: &Budget,
) -> Result<HistoryCommit, Error> {
    budget.step()?;
    let commit = repo.find_commit(oid(id.as_bytes())?);
    let commit = commit.map_err(Libgit2Error::doing("read the history"))?;
    let parents: Vec<Commit<'_>> = commit.parents().collect();
    let changes = |parents: &[Oid]| tree::changes(repo, commit.tree_id(), parents, selection, budget);
    let since = |parent: &Commit<'_>| changes(&[parent.tree_id()]);
    let (changes, merged) = match parents.as_slice() {
        [] if shallow::is_cut(&commit) => (Vec::new(), Vec::new()),
        [] => (changes(&[])?, Vec::new()),
        [first, others @ ..] => (since(first)?, others.iter().map(since).collect::<Result<_, _>>()?),
    };
    let message = commit.message_bytes();
    Ok(HistoryCommit {
        id,
        parents: commit.parent_ids().map(commit_id).collect(),
        author: author(&commit),
        committed_at: jiff::Timestamp::from_second(commit.time().seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        message: self::message(match message.len() > room {
            true => message.get(..BEGINNING).unwrap_or(message),
            false => message,
        }),
        changes,
        merged,
    })
}

/// The message, or the beginning and the end of a long message, since trailers stand at the end. Both are cut at the ends of
/// lines, unless one line is longer than the part.
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
    let has_ours = |end: &[u8]| end.windows(OURS.len()).any(|word| word.eq_ignore_ascii_case(OURS));
    let end = if has_ours(longest) {
        longest
    } else {
        last(LONG_MESSAGE - 2 * BEGINNING)
    };
    format!("{}\n\n{}", text(bytes.get(..BEGINNING).unwrap_or(bytes)), text(end))
}

/// `Name <address>`.
pub(crate) fn author(commit: &Commit<'_>) -> String {
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..LONG_AUTHOR).unwrap_or(bytes)).into_owned();
    format!("{} <{}>", text(author.name_bytes()), text(author.email_bytes()))
}

/// Whether `ancestor` is `descendant` or one of its ancestors; false if `ancestor` is not in the repository.
pub(crate) fn is_ancestor(
    repo: &Repository,
    repository: &dyn Display,
    ancestor: CommitId,
    descendant: CommitId,
) -> Result<bool, Error> {
    let descendant = commit(repo, repository, descendant)?.id();
    let ancestor = match commit(repo, repository, ancestor) {
        Ok(ancestor) => ancestor.id(),
        Err(Error::NoCommit { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let is_below = || repo.graph_descendant_of(descendant, ancestor);
    Ok(ancestor == descendant || is_below().map_err(Libgit2Error::doing("compare two commits"))?)
}

/// Whether the two commits have a known ancestor in common.
pub(crate) fn have_common_ancestor(repo: &Repository, one: CommitId, other: CommitId) -> Result<bool, Error> {
    match repo.merge_base(oid(one.as_bytes())?, oid(other.as_bytes())?) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(source) => Err(Libgit2Error::doing("find the common ancestor of two branches")(source).into()),
    }
}

/// The contents of blobs in the given order; `None` for a blob that is larger than `limit`, or was too large to be fetched.
pub(crate) fn blobs(
    repo: &Repository,
    ids: &[BlobId],
    limit: usize,
    budget: &Budget,
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let failed = Libgit2Error::doing("read a file's content");
    let odb = repo.odb().map_err(failed)?;
    let read = |id: &BlobId| {
        budget.look()?;
        let id = oid(id.as_bytes())?;
        let (size, kind) = match odb.read_header(id) {
            Err(error) if error.code() == ErrorCode::NotFound && left_out::are_there(repo) => return Ok(None),
            header => header.map_err(failed)?,
        };
        if kind != ObjectType::Blob {
            return Err(failed(git2::Error::from_str("it is not a blob")).into());
        }
        if size > limit {
            return Ok(None);
        }
        Ok(Some(odb.read(id).map_err(failed)?.data().to_vec()))
    };
    ids.iter().map(read).collect()
}
