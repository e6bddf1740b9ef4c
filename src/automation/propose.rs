use super::pass::{Automation, AutomationReport, Hooks, Proposed, read_only, refused};
use super::side;
use super::side::{Side, Standing, leave_out_rejected, undecided};
use crate::model::CommitId;
use crate::plan::{self, BumpPlan};
use crate::port::{
    ChangeRequest, ConfigRepo, DeclaredState, HistoryCommit, Proposal, PushOutcome, RepoFailure, RequestState,
    SideBranches,
};

/// The end of one try. `None`: somebody else was first.
type Tried = Result<Option<AutomationReport>, RepoFailure>;

impl<G: ConfigRepo + SideBranches, F: Hooks> Automation<G, F> {
    /// The requests are read before the followed branch, and that one anew: a request that was merged in between is then
    /// seen as open with nothing left to propose, never as gone with everything to propose again.
    pub(super) async fn propose(&mut self, side: &Side) -> Tried {
        if self.tip.known().is_none() {
            return Ok(Some(AutomationReport::default()));
        }
        let requests = match side.requests().await {
            Ok(requests) => requests,
            Err(problem) => return Ok(Some(with_problem(problem))),
        };
        let (tip, moved) = self.tip.fetch(&*self.repo).await?;
        if moved {
            self.hooks.moved();
        }
        let (declared, mut plan) = self.decided(tip).await?;
        let seen = self.repo.side_tip(side.branch.clone(), tip).await?;
        let (standing, strange) = Standing::read(&*self.repo, seen, tip).await?;
        let timeline = &self.timeline;
        let left_out = leave_out_rejected(&mut plan, &requests, |bump| timeline.has_bump(bump));
        self.tell(&declared, &plan);
        let mut report = AutomationReport::default();
        if let Some(commit) = strange {
            report.problems.push(not_ours(side, &commit));
        } else if let Some(field) = undecided(&standing, &declared, &plan) {
            tracing::debug!(%field, "the side branch stays as it is until this field's image can be looked up");
        } else if plan.bumps.is_empty() {
            self.withdraw(side, &standing, &requests, left_out > 0, &mut report)
                .await?;
        } else if self
            .put_forward(side, &standing, &requests, (tip, &declared, &plan), &mut report)
            .await?
            == Put::Lost
        {
            return Ok(None);
        }
        self.publish(&declared, &plan, report.problems.first().cloned());
        Ok(Some(report))
    }

    /// Pushes the plan's commit and has the request say what it is.
    async fn put_forward(
        &mut self,
        side: &Side,
        standing: &Standing,
        requests: &[ChangeRequest],
        (tip, declared, plan): (CommitId, &DeclaredState, &BumpPlan),
        report: &mut AutomationReport,
    ) -> Result<Put, RepoFailure> {
        let (commits, parts) = self.commits(tip, declared, plan, report).await?;
        if commits.is_empty() {
            return Ok(Put::Done);
        }
        let made = BumpPlan {
            bumps: parts.concat(),
            decisions: Vec::new(),
        };
        let outcome = self.repo.replace_side(side.branch.clone(), standing.tip, commits).await;
        let is_new = !matches!(&outcome, Ok(PushOutcome::Landed(commit)) if Some(*commit) == standing.tip);
        if is_new {
            self.count(&outcome);
        }
        let commit = match outcome? {
            PushOutcome::Landed(commit) => commit,
            PushOutcome::Lost => return Ok(Put::Lost),
            PushOutcome::Refused(words) => {
                report.problems.push(refused(&words));
                return Ok(Put::Done);
            }
            PushOutcome::ReadOnly(words) => {
                report.problems.push(read_only(&words));
                return Ok(Put::Done);
            }
        };
        if is_new {
            for bump in &made.bumps {
                let from = bump.from.as_ref().map(tracing::field::display);
                tracing::info!(branch = %side.branch, %commit, field = %bump.field, from, to = %bump.to, "proposed");
            }
        }
        let request = match self.ask(side, requests, &made).await {
            Ok(request) => request,
            Err(problem) => {
                report.problems.push(problem);
                None
            }
        };
        report.proposed = Some(Proposed {
            branch: side.branch.clone(),
            commit,
            bumps: made.bumps,
            request,
        });
        Ok(Put::Done)
    }

    /// One open request that says what the branch holds; its web address.
    async fn ask(&self, side: &Side, requests: &[ChangeRequest], made: &BumpPlan) -> Result<Option<String>, String> {
        let Some(forge) = side.forge.clone() else {
            return Ok(None);
        };
        let room = forge.room();
        let (title, body) = plan::request(made, &self.style.template, &side.branch, room.title, room.body);
        let proposal = Proposal { title, body };
        let mut open = requests.iter().filter(|request| request.state == RequestState::Open);
        let done = match open.next() {
            Some(request) => forge.update(request, &proposal).await.map(|changed| {
                if changed {
                    tracing::info!(request = %request.url, "request brought up to date");
                }
                request.url.clone()
            }),
            None => forge.open(&proposal).await.map(|request| {
                tracing::info!(request = %request.url, title = %request.title, "request opened");
                request.url
            }),
        };
        done.map(Some).map_err(|failure| side.failed(failure))
    }

    /// Nothing is left to propose: closes the request and removes the branch. One that a person has closed keeps its
    /// branch, so that it can be opened again.
    async fn withdraw(
        &mut self,
        side: &Side,
        standing: &Standing,
        requests: &[ChangeRequest],
        kept: bool,
        report: &mut AutomationReport,
    ) -> Result<(), RepoFailure> {
        if let Some(forge) = side.forge.clone() {
            for request in requests.iter().filter(|request| request.state == RequestState::Open) {
                let body = plan::overtaken(&request.body, forge.room().body);
                if let Err(failure) = forge.close(request, &body, side::OVERTAKEN).await {
                    report.problems.push(side.failed(failure));
                    return Ok(());
                }
                tracing::info!(request = %request.url, "request closed: nothing of it is left to do");
            }
        }
        let Some(tip) = standing.tip.filter(|_| !kept) else {
            return Ok(());
        };
        let outcome = self.repo.remove_side(side.branch.clone(), tip).await;
        self.count(&outcome);
        match outcome? {
            PushOutcome::Landed(_) => tracing::info!(branch = %side.branch, "side branch removed"),
            PushOutcome::Lost => {}
            PushOutcome::Refused(words) => {
                tracing::debug!(branch = %side.branch, %words, "the server keeps the side branch");
            }
            PushOutcome::ReadOnly(words) => report.problems.push(read_only(&words)),
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Done,
    Lost,
}

fn with_problem(problem: String) -> AutomationReport {
    AutomationReport {
        problems: vec![problem],
        ..AutomationReport::default()
    }
}

fn not_ours(side: &Side, commit: &HistoryCommit) -> String {
    let author: String = commit.author.chars().filter(|c| !c.is_control()).take(100).collect();
    format!(
        "branch {} has commit {} by {author}, which is not ours, and is left as it is: merge the branch, or move that commit \
         elsewhere and delete the branch",
        side.branch,
        commit.id.short()
    )
}
