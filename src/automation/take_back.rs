//! The commit that takes bumps back whose rollouts failed.

use super::automation_loop::Automation;
use super::decide_with_history::read_whole;
use super::edits;
use super::failed_rollouts::{Evidence, Judged, is_used};
use super::notices;
use super::own_commit::forward;
use super::push_problem::{read_only, refused};
use super::report::{AutomationReport, Landed, Try};
use crate::manifest::{self, ImageChange, MAX_FILE_BYTES, TagChange};
use crate::model::{CommitId, ImageRef};
use crate::notice::AutomationEvent;
use crate::plan::{BumpPlan, Outcome, PlannedRevert, revert_message};
use crate::port::{ConfigRepo, DeclaredState, FileEdit, NewCommit, PushOutcome, RepoFailure};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What came of taking bumps back.
pub(super) enum TakeBack {
    /// The pass has ended.
    Ended(Try),
    /// No bump can be taken back. The pass goes on with its bumps and these problems.
    Nothing(BumpPlan, AutomationReport),
}

impl<R: ConfigRepo> Automation<R> {
    /// Finds the bumps whose rollouts failed. Without a workload that asks for it, nothing is looked at.
    pub(super) async fn judge_rollouts(&mut self, declared: &DeclaredState) -> Result<Judged, RepoFailure> {
        let Self {
            deps,
            decisions,
            rollouts,
            ..
        } = self;
        let is_used = is_used(decisions.fields(), deps.revert_on_failure);
        let mut judged = match is_used && !deps.healths.failed().is_empty() {
            true => {
                let fields: Vec<_> = decisions.fields().collect();
                let mut history = deps.history.lock().await;
                read_whole(&*deps.repo, declared.commit, &mut history).await?;
                let evidence = Evidence {
                    repo: &*deps.repo,
                    source: &*deps.declared,
                    declared,
                    healths: &deps.healths,
                    history: &history,
                    is_default: deps.revert_on_failure,
                };
                rollouts.judge(&fields, &evidence).await?
            }
            false => Judged::default(),
        };
        if deps.proposals.is_some() {
            let reverts = std::mem::take(&mut judged.reverts).into_iter();
            judged.stay.extend(reverts.map(|revert| {
                let reason = format!(
                    "automation.push is not direct, so that people take bumps back: revert commit {} ({}: {})",
                    revert.commit.short(),
                    revert.object,
                    revert.why
                );
                (revert.field, reason)
            }));
        }
        notices::rollouts(&deps.reporter, &judged);
        Ok(judged)
    }

    /// Takes bumps back in one commit on `head`. The bumps of the pass wait: they are decided again on the new head. Where nothing can
    /// be taken back, the bumps of the pass go on, and the problems say why.
    pub(super) async fn take_back(
        &mut self,
        head: CommitId,
        declared: &DeclaredState,
        mut plan: BumpPlan,
        reverts: &[PlannedRevert],
    ) -> Result<TakeBack, RepoFailure> {
        let mut report = AutomationReport::default();
        if let Some(problem) = self.deps.branch.unverified() {
            note(&mut plan, reverts);
            self.report_decisions(&plan);
            report.problems.push(format!(
                "no bump is taken back, since the tip is not verified: {problem}"
            ));
        } else {
            let prepared = self.revert_commit(head, declared, reverts, &mut report).await?;
            let Some((commit, reverts)) = prepared else {
                return Ok(TakeBack::Nothing(plan, report));
            };
            note(&mut plan, &reverts);
            self.report_decisions(&plan);
            let outcome = self.deps.branch.push(&*self.deps.repo, vec![commit]).await;
            self.count_push(&outcome);
            match outcome? {
                PushOutcome::Lost => return Ok(TakeBack::Ended(Try::LostRace)),
                PushOutcome::Landed(commit) => {
                    self.deps
                        .reporter
                        .happened(AutomationEvent::TakenBack { commit, reverts });
                    self.deps.sync.wake();
                    report.landed = Some(Landed {
                        commit,
                        bumps: Vec::new(),
                    });
                }
                PushOutcome::Refused(message) => report.problems.push(refused(&message)),
                PushOutcome::ReadOnly(message) => report.problems.push(read_only(&message)),
            }
        }
        self.publish(declared, &plan, report.problems.first().cloned());
        Ok(TakeBack::Ended(Try::Done(report)))
    }

    /// The commit, and the reverts that it makes. What cannot be written back with certainty becomes a problem.
    async fn revert_commit(
        &self,
        head: CommitId,
        declared: &DeclaredState,
        reverts: &[PlannedRevert],
        report: &mut AutomationReport,
    ) -> Result<Option<(NewCommit, Vec<PlannedRevert>)>, RepoFailure> {
        let mut by_path: BTreeMap<_, Vec<&PlannedRevert>> = BTreeMap::new();
        for revert in reverts {
            by_path.entry(&revert.path).or_default().push(revert);
        }
        let (mut edits, mut made) = (Vec::new(), Vec::new());
        for (path, reverts) in by_path {
            let blob = declared.blobs.get(path).copied();
            let contents = self.deps.repo.blobs(blob.into_iter().collect(), MAX_FILE_BYTES).await?;
            let now = contents.into_iter().next().flatten();
            let file = blob.zip(now).ok_or_else(|| "the file cannot be read".to_owned());
            let edit = file.and_then(|(from, now)| {
                Ok(FileEdit {
                    path: path.clone(),
                    from,
                    bytes: before(&now, &reverts)?,
                })
            });
            match edit {
                Ok(edit) => {
                    edits.push(edit);
                    made.extend(reverts.into_iter().cloned());
                }
                Err(reason) => report.problems.push(format!(
                    "{path}: a bump whose rollout failed is not taken back: {reason}"
                )),
            }
        }
        if made.is_empty() {
            return Ok(None);
        }
        let since = made.iter().map(|revert| revert.since).max().unwrap_or_default();
        let commit = NewCommit {
            parent: head,
            edits,
            message: revert_message(&made, &self.deps.style.template),
            author: None,
            time: since.min(Timestamp::now()),
        };
        Ok(Some((commit, made)))
    }
}

/// The file without the bumps. The bumps made again must give the same file: so nothing else is taken back.
fn before(now: &[u8], reverts: &[&PlannedRevert]) -> Result<Vec<u8>, String> {
    let mut bytes = now.to_vec();
    let Some(path) = reverts.first().map(|revert| &revert.path) else {
        return Ok(bytes);
    };
    let (mut tags, mut images) = (Vec::new(), Vec::new());
    for revert in reverts {
        let bump = &revert.bump;
        let (object, field) = (bump.field.object.clone(), bump.field.field.clone());
        match (&bump.old, &bump.old_digest) {
            (Some(tag), digest) if digest.is_some() || !bump.pinned => tags.push(TagChange {
                object,
                field,
                name: bump.new_image.as_ref().and_then(|_| ImageRef::parse(&bump.image).ok()),
                tag: tag.clone(),
                digest: digest.clone(),
            }),
            _ => images.push(ImageChange {
                object,
                field,
                image: revert.image_after()?,
            }),
        }
    }
    bytes = manifest::set_tags(path, &bytes, &tags).map_err(|refused| refused.to_string())?;
    bytes = manifest::set_images(path, &bytes, &images).map_err(|refused| refused.to_string())?;
    let again = reverts.iter().map(|revert| forward(&revert.bump)).collect();
    match edits::write(path, &bytes, again).0 {
        Some(again) if again == now => Ok(bytes),
        _ => Err("the bump made again would give another file; take it back with git revert".to_owned()),
    }
}

/// Removes the bumps of the pass, and puts the reverts into the decisions.
fn note(plan: &mut BumpPlan, reverts: &[PlannedRevert]) {
    for revert in reverts {
        let place = (&revert.path, revert.position, &revert.field);
        plan.decide(place, Outcome::Failed, revert.reason());
    }
    plan.bumps.clear();
}
