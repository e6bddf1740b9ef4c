//! The way of bumps through a proposal branch that people merge.

use super::automation_loop::{Automation, PreparedCommits};
use super::branch_state::BranchState;
use super::notices;
use super::proposal_branch::ProposalBranch;
use super::push_problem::{read_only, refused};
use super::refused_requests::leave_out_refused;
use super::report::{AutomationReport, Proposed, Try};
use crate::model::{CommitId, Printable};
use crate::notice::ProposalEvent;
use crate::plan::BumpPlan;
use crate::port::{ChangeRequest, ConfigRepo, HistoryCommit, ProposalBranches, PushOutcome, RepoFailure};

impl<R: ConfigRepo + ProposalBranches> Automation<R> {
    /// Brings the proposal branch and its request up to date.
    ///
    /// The pass reads the requests first and then fetches the followed branch. If a person merges a request between the two, the
    /// pass sees an open request with nothing left to propose. In the other order the pass would not see the request, and would
    /// propose all of its changes again.
    pub(super) async fn propose(&mut self, branch: &ProposalBranch) -> Result<Try, RepoFailure> {
        if self.deps.branch.head().is_none() {
            return Ok(Try::Done(AutomationReport::default()));
        }
        let requests = match branch.requests().await {
            Ok(requests) => requests,
            Err(problem) => return Ok(Try::Done(AutomationReport::of_problem(problem))),
        };
        let (base, moved) = self.deps.branch.fetch(&*self.deps.repo).await?;
        if moved {
            self.deps.sync.wake();
        }
        let (declared, mut plan) = self.decide(base).await?;
        self.judge_rollouts(&declared).await?;
        let repo = &*self.deps.repo;
        let head = repo.branch_head(branch.branch.clone(), base).await?;
        let state = BranchState::read(repo, head, base).await?;
        let refused = {
            let history = self.deps.history.lock().await;
            leave_out_refused(&mut plan, &requests, |bump| history.has_bump(bump))
        };
        self.report_decisions(&plan);

        let mut report = AutomationReport::default();
        if let Some(commit) = &state.foreign_commit {
            report.problems.push(foreign_commit(branch, commit));
        } else if let Some(field) = state.unknown_field(&declared, &plan) {
            tracing::debug!(%field, "the proposal branch stays as it is until this field's image can be looked up");
        } else if plan.bumps.is_empty() {
            self.withdraw(branch, state.head, &requests, refused > 0, &mut report)
                .await?;
        } else {
            let prepared = self.prepare_commits(base, &declared, &plan).await?;
            if let Some(made) = self.replace(branch, state.head, prepared, &mut report).await? {
                match made {
                    Replaced::LostRace => return Ok(Try::LostRace),
                    Replaced::Head(made) => {
                        self.request(branch, &requests, made, &mut report).await;
                    }
                }
            }
        }
        self.publish(&declared, &plan, report.problems.first().cloned());
        Ok(Try::Done(report))
    }

    /// Replaces the content of the proposal branch by the commits. `None`: nothing was pushed, and the report says why.
    async fn replace(
        &self,
        branch: &ProposalBranch,
        seen: Option<CommitId>,
        prepared: PreparedCommits,
        report: &mut AutomationReport,
    ) -> Result<Option<Replaced>, RepoFailure> {
        report.problems.extend(prepared.problems);
        if prepared.commits.is_empty() {
            return Ok(None);
        }
        let name = branch.branch.clone();
        let outcome = self.deps.repo.replace_branch(name, seen, prepared.commits).await;
        let is_new = !matches!(&outcome, Ok(PushOutcome::Landed(commit)) if Some(*commit) == seen);
        if is_new {
            self.count_push(&outcome);
        }
        let commit = match outcome? {
            PushOutcome::Landed(commit) => commit,
            PushOutcome::Lost => return Ok(Some(Replaced::LostRace)),
            PushOutcome::Refused(message) => {
                report.problems.push(refused(&message));
                return Ok(None);
            }
            PushOutcome::ReadOnly(message) => {
                report.problems.push(read_only(&message));
                return Ok(None);
            }
        };
        let made = BumpPlan {
            bumps: prepared.bumps.concat(),
            decisions: Vec::new(),
        };
        if is_new {
            notices::proposed(&self.deps.reporter, &branch.branch, commit, &made.bumps);
        }
        Ok(Some(Replaced::Head(made)))
    }

    /// Makes the request describe what the branch holds now.
    async fn request(
        &self,
        branch: &ProposalBranch,
        requests: &[ChangeRequest],
        made: BumpPlan,
        report: &mut AutomationReport,
    ) {
        let template = &self.deps.style.template;
        let reporter = &self.deps.reporter;
        let request = match branch.upsert_request(requests, &made, template, reporter).await {
            Ok(request) => request,
            Err(problem) => {
                report.problems.push(problem);
                None
            }
        };
        report.proposed = Some(Proposed {
            branch: branch.branch.clone(),
            bumps: made.bumps,
            request,
        });
    }

    /// Closes the request and removes the branch, since nothing is left to propose. With `keep_branch` the branch stays: a
    /// person closed the request and may open it again.
    async fn withdraw(
        &self,
        branch: &ProposalBranch,
        head: Option<CommitId>,
        requests: &[ChangeRequest],
        keep_branch: bool,
        report: &mut AutomationReport,
    ) -> Result<(), RepoFailure> {
        if let Err(problem) = branch.close_requests(requests, &self.deps.reporter).await {
            report.problems.push(problem);
            return Ok(());
        }
        let Some(head) = head.filter(|_| !keep_branch) else {
            return Ok(());
        };
        let name = &branch.branch;
        let outcome = self.deps.repo.remove_branch(name.clone(), head).await;
        self.count_push(&outcome);
        match outcome? {
            PushOutcome::Landed(_) => {
                let branch = name.clone();
                self.deps.reporter.happened(ProposalEvent::BranchRemoved { branch });
            }
            PushOutcome::Lost => {}
            PushOutcome::Refused(message) => {
                tracing::debug!(branch = %name, %message, "the server keeps the proposal branch");
            }
            PushOutcome::ReadOnly(message) => report.problems.push(read_only(&message)),
        }
        Ok(())
    }
}

/// The outcome of replacing the proposal branch.
enum Replaced {
    /// The branch has a new head with these bumps.
    Head(BumpPlan),
    /// Another push moved the branch first.
    LostRace,
}

fn foreign_commit(branch: &ProposalBranch, commit: &HistoryCommit) -> String {
    let author = Printable::new(&commit.author).at_most(100);
    format!(
        "branch {} has commit {} by {author}, and tidegate replaces only its own commits; merge the branch, or move the \
         commit to another branch and delete this branch",
        branch.branch,
        commit.id.short()
    )
}
