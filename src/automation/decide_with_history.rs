//! How much of the history a decision reads.

use super::history_reader::{FieldHistory, HistoryReader};
use super::notices;
use crate::history::Hold;
use crate::model::{CommitId, FieldId};
use crate::notice::Reporter;
use crate::plan::Outcome;
use crate::port::{ConfigRepo, RepoFailure};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How much of the history a decision knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Perhaps only a part: what the mirror has.
    Part,
    /// All of it.
    Whole,
}

impl Extent {
    /// When a field was last written. A part of the history does not say it: then the field counts as written at the
    /// beginning of time.
    pub(super) fn since(self, past: &FieldHistory, field: &FieldId) -> Timestamp {
        match self {
            Self::Part => Timestamp::MIN,
            Self::Whole => past.since(field),
        }
    }
}

/// Whether only the whole history may decide so about a field.
pub(super) fn needs_whole_history(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Bump | Outcome::Held)
}

/// Decides with the part of the history that the mirror has. If `decide` returns true, because the decision bumps or holds a
/// field, reads the whole history and decides again. A history that is known as a whole decides at once.
///
/// No date says which part of the history is enough:
/// - a tag that was taken back stays rejected whenever an image is pushed under its name again, and so does every tag below it
///   in the policy's order;
/// - a committer's clock may be wrong by years, and the clock of a robot is wrong on every commit.
///
/// So only the whole history decides a bump or a hold.
pub(super) async fn decide_with_history(
    repo: &impl ConfigRepo,
    head: CommitId,
    reader: &mut HistoryReader,
    mut decide: impl FnMut(&FieldHistory, Extent) -> bool,
) -> Result<(), RepoFailure> {
    reader.read(repo, head).await?;
    let extent = match reader.is_whole() {
        true => Extent::Whole,
        false => Extent::Part,
    };
    if decide(reader.past(), extent) {
        read_all_from_now(repo, reader).await?;
        reader.read(repo, head).await?;
        decide(reader.past(), Extent::Whole);
    }
    Ok(())
}

/// Fetches the rest of the history. If the reader has read a part, it begins anew, also if somebody else has fetched the rest
/// meanwhile.
async fn read_all_from_now(repo: &impl ConfigRepo, reader: &mut HistoryReader) -> Result<(), RepoFailure> {
    if repo.unshallow().await? || !reader.is_whole() {
        reader.forget();
    }
    Ok(())
}

/// Reads the whole history up to `head`, if a part of it is known.
pub(super) async fn read_whole(
    repo: &impl ConfigRepo,
    head: CommitId,
    reader: &mut HistoryReader,
) -> Result<(), RepoFailure> {
    if !reader.is_whole() {
        read_all_from_now(repo, reader).await?;
        reader.read(repo, head).await?;
    }
    Ok(())
}

/// What the whole history up to `head` holds.
///
/// # Errors
/// The history could not be fetched or read.
pub async fn holds(
    repo: &impl ConfigRepo,
    head: CommitId,
    reader: &mut HistoryReader,
    reporter: &Reporter,
) -> Result<BTreeMap<FieldId, Hold>, RepoFailure> {
    read_all_from_now(repo, reader).await?;
    let holds = reader.read(repo, head).await?.holds.clone();
    notices::history_read(reporter, reader);
    Ok(holds)
}
