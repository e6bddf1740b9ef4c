//! The automation loop: the stages that both ways of committing share (decide, prepare
//! the commits, publish).

use super::decision_cache::DecisionCache;
use super::denied::leave_out_denied;
use super::dependencies::Dependencies;
use super::failed_rollouts::{FailedRollouts, is_used};
use super::inputs::Inputs;
use super::{edits, notices};
use crate::model::CommitId;
use crate::plan::{self, BumpPlan, Decision, PlannedBump};
use crate::port::{ConfigRepo, DeclaredState, NewCommit, PushOutcome, RepoFailure};
use crate::status::AutomationStatus;
use crate::telemetry::PushResult;
use std::sync::Arc;

/// The automation loop. From pass to pass it keeps decisions, which it could make again.
pub(crate) struct Automation<R> {
    pub(super) deps: Dependencies<R>,
    pub(super) decisions: DecisionCache,
    pub(super) rollouts: FailedRollouts,
    /// The decisions that were reported last.
    reported: Vec<Arc<Decision>>,
}

/// The commits that carry out a plan, with the bumps of each.
#[derive(Debug, Default)]
pub(super) struct PreparedCommits {
    pub(super) commits: Vec<NewCommit>,
    pub(super) bumps: Vec<Vec<PlannedBump>>,
    /// Why some bumps are not among them.
    pub(super) problems: Vec<String>,
}

impl<R> Automation<R> {
    /// An automation loop that has not run yet.
    pub fn new(deps: Dependencies<R>) -> Self {
        Self {
            deps,
            decisions: DecisionCache::default(),
            rollouts: FailedRollouts::default(),
            reported: Vec::new(),
        }
    }

    pub(super) fn count_push(&self, outcome: &Result<PushOutcome, RepoFailure>) {
        self.deps.metrics.git_push(match outcome {
            Ok(PushOutcome::Landed(_)) => PushResult::Landed,
            Ok(PushOutcome::Lost) => PushResult::Lost,
            Ok(PushOutcome::Refused(_)) => PushResult::Refused,
            Ok(PushOutcome::ReadOnly(_)) => PushResult::ReadOnly,
            Err(_) => PushResult::Failed,
        });
    }

    /// Reports the decisions of a plan.
    pub(super) fn report_decisions(&mut self, plan: &BumpPlan) {
        notices::decided(&self.deps.reporter, &self.reported, &plan.decisions);
        self.reported.clone_from(&plan.decisions);
    }

    /// Publishes the decisions for log, metrics, API and command line.
    pub(super) fn publish(&self, declared: &DeclaredState, plan: &BumpPlan, problem: Option<String>) {
        let metrics = &self.deps.metrics;
        let held = plan.decisions.iter().filter(|decision| decision.is_held());
        metrics.fields(plan.decisions.len(), held.count());
        self.deps.status.send_replace(Arc::new(AutomationStatus {
            commit: Some(declared.commit),
            fields: plan.decisions.clone(),
            problem,
        }));
    }

    /// Publishes a problem together with the decisions of the pass before.
    pub(super) fn publish_problem(&self, problem: &str) {
        self.deps.status.send_modify(|status| {
            let mut now = AutomationStatus::clone(status);
            now.problem = Some(problem.to_owned());
            *status = Arc::new(now);
        });
    }
}

impl<R: ConfigRepo> Automation<R> {
    /// Reads the declared state at `head` and decides about each automated field. Wakes the scan loop if a decision waits
    /// for a registry.
    pub(super) async fn decide(&mut self, head: CommitId) -> Result<(Arc<DeclaredState>, BumpPlan), RepoFailure> {
        let Self { deps, decisions, .. } = self;
        let declared = deps.declared.at(head).await?;
        decisions.set_declared(&declared, &deps.rules);
        if deps.scan_state.set_repositories(Arc::clone(decisions.repositories())) {
            deps.scan.wake();
        }
        let is_used = is_used(decisions.fields(), deps.revert_on_failure) || decisions.has_followers();
        deps.healths.use_history(is_used);
        let inputs = Inputs {
            scan_state: &deps.scan_state,
            rules: &deps.rules,
            healths: &deps.healths,
            until: deps.until,
        };
        let (mut plan, unread) = {
            let mut history = deps.history.lock().await;
            let decided = decisions.decide(&inputs, &*deps.repo, head, &mut history).await?;
            notices::history_read(&deps.reporter, &history);
            decided
        };
        decisions.leave_out_digests(&deps.scan_state);
        leave_out_denied(&mut plan, &deps.denied);
        if unread {
            deps.scan.wake();
        }
        Ok((declared, plan))
    }

    /// Edits the files and writes the commit messages. A part of the plan that must not be carried out becomes a problem, and
    /// the other parts are still made.
    pub(super) async fn prepare_commits(
        &self,
        parent: CommitId,
        declared: &DeclaredState,
        plan: &BumpPlan,
    ) -> Result<PreparedCommits, RepoFailure> {
        let style = &self.deps.style;
        let mut prepared = PreparedCommits::default();
        let mut parts = plan::commits(plan, style.per, &style.template);
        parts.retain(|part| match plan::check(part) {
            Ok(()) => true,
            Err(problems) => {
                prepared.problems.extend(problems);
                false
            }
        });
        let edits = edits::make(&*self.deps.repo, declared, parts).await?;
        let reasons = edits.refused.into_iter().map(|unwritten| unwritten.reason);
        prepared.problems.extend(reasons);
        for edited in edits.commits {
            prepared.commits.push(NewCommit {
                parent,
                edits: edited.files,
                message: plan::message(&edited.plan, &style.template),
                author: None,
                time: plan::commit_time(&edited.plan),
            });
            prepared.bumps.push(edited.plan.bumps);
        }
        Ok(prepared)
    }
}
