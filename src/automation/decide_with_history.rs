//! How much of the history a decision reads.

use super::history_reader::{FieldHistory, HistoryReader};
use crate::model::{CommitId, FieldId};
use crate::plan::{BumpPlan, Outcome};
use crate::port::{ConfigRepo, RepoFailure};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Decides with as much of the history as the decision depends on: with the part that is there while nothing newer is in
/// sight, otherwise with all of it.
///
/// No date tells how much of the history would do:
/// - a tag that was taken back stays rejected whenever an image is pushed under its name again, and so does every tag below it
///   in the policy's order;
/// - a committer's clock may be wrong by years, and the clock of a robot is wrong on every commit.
///
/// So no part of the history decides a bump or a hold. A part does not tell when a field was last written either. Until that
/// matters, each field counts as written at the beginning of time.
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
