//! One pass: decide, commit, push, and decide again on the new head if another push moved the branch first.

use super::automation_loop::{Automation, PreparedCommits};
use super::notices;
use super::push_problem::{read_only, refused};
use super::report::{AutomationReport, Landed, Try};
use super::take_back::TakeBack;
use crate::driver::{Outcome, Pass};
use crate::model::CommitId;
use crate::notice::AutomationEvent;
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, ProposalBranches, PushOutcome, RepoFailure};
use std::time::Duration;

/// Tries of one pass to win the race for the branch. Each try costs a fetch and a push. A pass that loses all of them is
/// repeated by the loop after its back-off.
const TRIES: u32 = 8;
/// The longest pause before a further try: writers that raced once must not race in step.
const PAUSE: Duration = Duration::from_millis(250);
/// After a commit of ours a further pass decides on it, so that the published status is about the new head. It does not run
/// at once: the sync loop uses the new head first.
const SETTLE: Duration = Duration::from_secs(1);

impl<R: ConfigRepo + ProposalBranches> Automation<R> {
    async fn attempt(&mut self) -> Result<Try, RepoFailure> {
        match self.deps.proposals.clone() {
            Some(branch) => self.propose(&branch).await,
            None => self.commit_to_branch().await,
        }
    }

    /// Decides on the head of the followed branch and pushes the commits to that branch.
    async fn commit_to_branch(&mut self) -> Result<Try, RepoFailure> {
        let Some(head) = self.deps.branch.head() else {
            return Ok(Try::Done(AutomationReport::default()));
        };
        let (declared, mut plan) = self.decide(head).await?;
        let judged = self.judge_rollouts(&declared).await?;
        let mut report = AutomationReport::default();
        if !judged.reverts.is_empty() {
            match self.take_back(head, &declared, plan, &judged.reverts).await? {
                TakeBack::Ended(ended) => return Ok(ended),
                TakeBack::Nothing(bumps, problems) => (plan, report) = (bumps, problems),
            }
        }
        self.report_decisions(&plan);
        if !plan.bumps.is_empty() {
            if let Some(problem) = self.deps.branch.unverified() {
                report.problems.push(format!(
                    "no bump is committed, since the tip is not verified: {problem}"
                ));
            } else {
                let prepared = self.prepare_commits(head, &declared, &plan).await?;
                if self.push(head, prepared, &mut report).await? == Pushed::LostRace {
                    return Ok(Try::LostRace);
                }
            }
        }
        self.publish(&declared, &plan, report.problems.first().cloned());
        Ok(Try::Done(report))
    }

    async fn push(
        &self,
        head: CommitId,
        prepared: PreparedCommits,
        report: &mut AutomationReport,
    ) -> Result<Pushed, RepoFailure> {
        report.problems.extend(prepared.problems);
        if prepared.commits.is_empty() {
            return Ok(Pushed::Settled);
        }
        let outcome = self.deps.branch.push(&*self.deps.repo, prepared.commits).await;
        self.count_push(&outcome);
        match outcome? {
            PushOutcome::Lost => return Ok(Pushed::LostRace),
            PushOutcome::Landed(commit) => report.landed = self.landed(head, commit, prepared.bumps).await,
            PushOutcome::Refused(message) => report.problems.push(refused(&message)),
            PushOutcome::ReadOnly(message) => report.problems.push(read_only(&message)),
        }
        Ok(Pushed::Settled)
    }

    /// Reports each landed commit with its bumps, and wakes the sync loop. `parent` is the head before the push and `head` the
    /// one after. Returns the last commit.
    async fn landed(&self, parent: CommitId, head: CommitId, bumps: Vec<Vec<PlannedBump>>) -> Option<Landed> {
        let newest_first = match bumps.len() {
            1 => Ok(Vec::new()),
            count => self.deps.repo.history(head, Some(parent), count).await,
        };
        let history = newest_first.unwrap_or_default();
        let mut ids = history.iter().rev().map(|commit| commit.id);
        let mut last = None;
        for bumps in bumps {
            let commit = ids.next().unwrap_or(head);
            let landed = Landed { commit, bumps };
            notices::landed(&self.deps.reporter, &landed);
            self.deps.sync.wake();
            last = Some(landed);
        }
        last
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pushed {
    Settled,
    LostRace,
}

impl<R> Automation<R> {
    fn failed(&mut self, failure: RepoFailure) -> Outcome<AutomationReport> {
        let report = AutomationReport::of_problem(failure.message);
        notices::not_made(&self.deps.reporter, &report.problems);
        report.problems.iter().for_each(|problem| self.publish_problem(problem));
        Outcome::Retry(report)
    }
}

impl<R: ConfigRepo + ProposalBranches> Pass for Automation<R> {
    type Report = AutomationReport;

    async fn pass(&mut self) -> Outcome<AutomationReport> {
        for _ in 0..TRIES {
            match self.attempt().await {
                Ok(Try::Done(report)) => {
                    notices::not_made(&self.deps.reporter, &report.problems);
                    return match (&report.landed, report.problems.is_empty()) {
                        (_, false) => Outcome::Retry(report),
                        (Some(_), true) => Outcome::Again(report, SETTLE),
                        (None, true) => Outcome::Done(report),
                    };
                }
                Ok(Try::LostRace) => {
                    self.deps.reporter.happened(AutomationEvent::RaceLost);
                    tokio::time::sleep(PAUSE.mul_f64((self.deps.jitter)())).await;
                    match self.deps.branch.fetch(&*self.deps.repo).await {
                        // The loop that follows the branch sees no move any more.
                        Ok((_, true)) => self.deps.sync.wake(),
                        Ok((_, false)) => {}
                        Err(failure) => return self.failed(failure),
                    }
                }
                Err(failure) => return self.failed(failure),
            }
        }
        Outcome::Retry(AutomationReport::of_problem(format!(
            "other pushes moved the branch {TRIES} times before the commit landed; the next pass tries again"
        )))
    }

    fn timed_out(&self, deadline: Duration) -> AutomationReport {
        AutomationReport::of_problem(format!("the pass did not end within {} s", deadline.as_secs()))
    }
}
