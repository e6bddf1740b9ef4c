//! How much of the history a decision takes.

use super::timeline::{Past, Timeline};
use crate::model::{CommitId, FieldId};
use crate::plan::{BumpPlan, Outcome};
use crate::port::{ConfigRepo, RepoFailure};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Decides on as much of the history as bears on what is decided: on what is there while nothing newer is in sight, and else
/// on all of it.
///
/// No time tells how far back would do. A tag that was taken back stays so whenever an image is pushed under its name again,
/// and so does whatever stands below it in the policy's order; a committer's clock may lie by years, and a robot's on every
/// commit. So nothing is bumped, and nothing said of a hold, by part of a history. When a field was written is not told by
/// a part either: until that decides something, each counts as written at the beginning of time.
pub(super) async fn decided<'a>(
    repo: &impl ConfigRepo,
    tip: CommitId,
    timeline: &mut Timeline,
    fields: impl Iterator<Item = &'a FieldId> + Clone,
    decide: impl Fn(&Past, &BTreeMap<FieldId, Timestamp>) -> BumpPlan,
) -> Result<BumpPlan, RepoFailure> {
    let past = timeline.read(repo, tip).await?;
    let earliest = fields.clone().map(|field| (field.clone(), Timestamp::MIN));
    let hasty = decide(past, &earliest.collect());
    let in_sight = |outcome| matches!(outcome, Outcome::Bump | Outcome::Held);
    if !hasty.decisions.iter().any(|decision| in_sight(decision.outcome)) {
        return Ok(hasty);
    }
    if repo.reach_beginning().await? {
        timeline.forget();
    }
    let past = timeline.read(repo, tip).await?;
    let since = fields.map(|field| (field.clone(), past.since(field)));
    Ok(decide(past, &since.collect()))
}
