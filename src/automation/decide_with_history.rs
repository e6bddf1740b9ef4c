//! How much of the history a decision reads.

use super::history_reader::{FieldHistory, HistoryReader};
use super::notices;
use crate::history::Hold;
use crate::model::{CommitId, FieldId};
use crate::notice::Reporter;
use crate::plan::{BumpPlan, Outcome};
use crate::port::{ConfigRepo, RepoFailure};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Decides with the part of the history that the mirror has. If this decision bumps or holds a field, reads the whole history
/// and decides again.
///
/// No date says which part of the history is enough:
/// - a tag that was taken back stays rejected whenever an image is pushed under its name again, and so does every tag below it
///   in the policy's order;
/// - a committer's clock may be wrong by years, and the clock of a robot is wrong on every commit.
///
/// So only the whole history decides a bump or a hold. A part of the history does not say when a field was last written
/// either. While the part is used, each field counts as written at the beginning of time.
pub(super) async fn decide_with_history<'a>(
    repo: &impl ConfigRepo,
    head: CommitId,
    reader: &mut HistoryReader,
    fields: impl Iterator<Item = &'a FieldId> + Clone,
    decide: impl Fn(&FieldHistory, &BTreeMap<FieldId, Timestamp>) -> BumpPlan,
) -> Result<BumpPlan, RepoFailure> {
    let past = reader.read(repo, head).await?;
    let earliest = fields.clone().map(|field| (field.clone(), Timestamp::MIN));
    let plan = decide(past, &earliest.collect());
    let needs_all = |outcome| matches!(outcome, Outcome::Bump | Outcome::Held);
    if !plan.decisions.iter().any(|decision| needs_all(decision.outcome)) {
        return Ok(plan);
    }
    if repo.unshallow().await? {
        reader.forget();
    }
    let past = reader.read(repo, head).await?;
    let since = fields.map(|field| (field.clone(), past.since(field)));
    Ok(decide(past, &since.collect()))
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
    if repo.unshallow().await? {
        reader.forget();
    }
    let holds = reader.read(repo, head).await?.holds.clone();
    notices::history_read(reporter, reader);
    Ok(holds)
}
