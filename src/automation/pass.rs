use super::side::Side;
use super::timeline::{Past, Timeline};
use super::{Status, edits, platforms, reach, wanted};
use crate::catalog::Catalog;
use crate::driver::{Outcome, Pass};
use crate::follow::Tip;
use crate::model::{BranchName, CommitId, FieldId, HoldUntil};
use crate::plan::{self, AutomatedField, BumpPlan, CommitPer, Outcome as Decision, PlannedBump, Template};
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, NewCommit, PushOutcome, RepoFailure, ScanState, SideBranches};
use crate::telemetry::{Metrics, PushResult};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// What a pass did.
#[derive(Debug, Clone, Default)]
pub struct AutomationReport {
    /// The commit that landed, with its bumps; the last one where a pass makes several.
    pub landed: Option<Landed>,
    /// What waits on the side branch for people to merge.
    pub proposed: Option<Proposed>,
    /// Why planned bumps were not made.
    pub problems: Vec<String>,
}

/// A commit of ours on the branch.
#[derive(Debug, Clone)]
pub struct Landed {
    /// Its id.
    pub commit: CommitId,
    /// What it bumps.
    pub bumps: Vec<PlannedBump>,
}

/// Bumps on a side branch.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The branch.
    pub branch: BranchName,
    /// Its tip.
    pub commit: CommitId,
    /// What it bumps.
    pub bumps: Vec<PlannedBump>,
    /// The request's web address, if one was opened.
    pub request: Option<String>,
}

/// What commits look like.
#[derive(Debug, Clone, Default)]
pub struct CommitStyle {
    /// What they say before their trailers.
    pub template: Template,
    /// How many a pass makes.
    pub per: CommitPer,
}

/// The automation loop's work.
pub struct Automation<G, F> {
    pub(super) repo: Arc<G>,
    catalog: Arc<Mutex<Catalog>>,
    scan_state: Arc<ScanState>,
    rules: Arc<ScanRules>,
    pub(super) tip: Tip,
    pub(super) style: CommitStyle,
    status: watch::Sender<Arc<Status>>,
    metrics: Metrics,
    pub(super) timeline: Timeline,
    until: HoldUntil,
    pub(super) hooks: F,
    side: Option<Arc<Side>>,
    told: BTreeSet<String>,
    problems: BTreeSet<String>,
}

/// What the automation works with; the composition root hands it in, once.
pub struct Parts<G, F> {
    /// Where commits go.
    pub repo: Arc<G>,
    /// The declared state, read once for all loops.
    pub catalog: Arc<Mutex<Catalog>>,
    /// What the scans have found.
    pub scan_state: Arc<ScanState>,
    /// Which repositories and tags may be looked at.
    pub rules: Arc<ScanRules>,
    /// The branch that is bumped.
    pub tip: Tip,
    /// What commits look like.
    pub style: CommitStyle,
    /// Where it is told what stands.
    pub status: watch::Sender<Arc<Status>>,
    /// What is counted.
    pub metrics: Metrics,
    /// Whom it wakes.
    pub hooks: F,
    /// Where commits go instead of the branch that is bumped.
    pub side: Option<Side>,
}

/// Whom the automation wakes.
pub trait Hooks: Send + Sync + 'static {
    /// Repositories are wanted that were not before.
    fn wanted(&self);
    /// A commit landed and the tip is set.
    fn landed(&self, landed: &Landed);
    /// Somebody else moved the tip, as was seen beside the work.
    fn moved(&self);
    /// A number in `0.0..=1.0`, another each time.
    fn jitter(&self) -> f64;
}

/// Tries of one pass to win the race for the branch. Each costs a fetch and a push; a pass that loses them all is tried
/// again by the loop.
const RACES: u32 = 8;
/// The longest pause before a further try; agents and people that raced once should not race in step.
const PAUSE: Duration = Duration::from_millis(250);

/// After a commit of ours the decisions are made anew on it, so that everybody is told what stands now; not at once,
/// since the sync loop has the first use of the new tip.
const SETTLE: Duration = Duration::from_secs(1);

/// Puts the repositories on the board whose tags a decision about `declared` needs. True if some are new there.
pub fn want(declared: &DeclaredState, scan_state: &ScanState, rules: &ScanRules) -> bool {
    scan_state.set_repositories(wanted::repositories(&wanted::fields(declared), rules))
}

/// Reads and decides without writing anything; for previews.
///
/// # Errors
/// The config repo could not be read.
pub async fn look(
    repo: &impl ConfigRepo,
    catalog: &mut Catalog,
    scan_state: &ScanState,
    rules: &ScanRules,
    until: HoldUntil,
    tip: CommitId,
) -> Result<BumpPlan, RepoFailure> {
    let declared = catalog.read(repo, tip).await?;
    let fields = wanted::fields(&declared);
    scan_state.set_repositories(wanted::repositories(&fields, rules));
    let world = World {
        fields: &fields,
        scan_state,
        rules,
        until,
    };
    let (plan, _) = world.decided(repo, tip, &mut Timeline::default()).await?;
    Ok(plan)
}

/// What is decided about and by, the past apart.
struct World<'a> {
    fields: &'a [AutomatedField],
    scan_state: &'a ScanState,
    rules: &'a ScanRules,
    until: HoldUntil,
}

impl World<'_> {
    /// The plan, and whether images are put on the board whose platforms nobody has asked after.
    async fn decided(
        &self,
        repo: &impl ConfigRepo,
        tip: CommitId,
        timeline: &mut Timeline,
    ) -> Result<(BumpPlan, bool), RepoFailure> {
        let told = self.scan_state.platforms();
        let mut tags = wanted::tags(self.fields, self.rules, &self.scan_state.scans());
        platforms::mark(&mut tags, self.rules.platforms(), &told);
        let now = jiff::Timestamp::now();
        let decide = |past: &Past, since: &BTreeMap<FieldId, jiff::Timestamp>| {
            let observed = plan::Observed {
                tags: &tags,
                holds: &past.holds,
                since,
                included: &|repository, tag| self.rules.allows_tag(repository, tag),
                now,
                until: self.until,
            };
            plan::decide(self.fields, &observed)
        };
        let fields = self.fields.iter().map(|field| &field.field);
        let mut plan = reach::decided(repo, tip, timeline, fields, decide).await?;
        let unread = self.scan_state.set_images(platforms::postpone(&mut plan, &tags, &told));
        Ok((plan, unread))
    }
}

impl<G: ConfigRepo + SideBranches, F: Hooks> Automation<G, F> {
    /// Takes up work with `parts`.
    pub fn new(parts: Parts<G, F>) -> Self {
        let Parts {
            repo,
            catalog,
            scan_state,
            rules,
            tip,
            style,
            status,
            metrics,
            hooks,
            side,
        } = parts;
        Self {
            repo,
            catalog,
            scan_state,
            rules,
            tip,
            style,
            status,
            metrics,
            timeline: Timeline::default(),
            until: HoldUntil::default(),
            hooks,
            side: side.map(Arc::new),
            told: BTreeSet::new(),
            problems: BTreeSet::new(),
        }
    }

    /// What ends a hold where a workload does not say it.
    #[must_use]
    pub fn holding(self, until: HoldUntil) -> Self {
        Self { until, ..self }
    }

    /// Reads and decides on `tip`.
    pub(super) async fn decided(&mut self, tip: CommitId) -> Result<(Arc<DeclaredState>, BumpPlan), RepoFailure> {
        let declared = self.catalog.lock().await.read(&*self.repo, tip).await?;
        let fields = wanted::fields(&declared);
        if self
            .scan_state
            .set_repositories(wanted::repositories(&fields, &self.rules))
        {
            self.hooks.wanted();
        }
        let world = World {
            fields: &fields,
            scan_state: &self.scan_state,
            rules: &self.rules,
            until: self.until,
        };
        let (plan, unread) = world.decided(&*self.repo, tip, &mut self.timeline).await?;
        if unread {
            self.hooks.wanted();
        }
        Ok((declared, plan))
    }

    /// One try: decide on the tip, and make the commit if there is one to make. `None`: the race was lost.
    async fn attempt(&mut self) -> Result<Option<AutomationReport>, RepoFailure> {
        if let Some(side) = self.side.clone() {
            return self.propose(&side).await;
        }
        let Some(tip) = self.tip.known() else {
            return Ok(Some(AutomationReport::default()));
        };
        let (declared, plan) = self.decided(tip).await?;
        self.tell(&declared, &plan);
        let mut report = AutomationReport::default();
        if plan.bumps.is_empty() {
            self.publish(&declared, &plan, None);
            return Ok(Some(report));
        }
        if let Some(problem) = self.tip.withheld() {
            report.problems.push(format!("nothing is committed on it: {problem}"));
            self.publish(&declared, &plan, report.problems.first().cloned());
            return Ok(Some(report));
        }
        let (commits, landing) = self.commits(tip, &declared, &plan, &mut report).await?;
        if commits.is_empty() {
            self.publish(&declared, &plan, report.problems.first().cloned());
            return Ok(Some(report));
        }
        match self.push(commits).await? {
            PushOutcome::Lost => return Ok(None),
            PushOutcome::Landed(commit) => report.landed = self.landed(tip, commit, landing).await,
            PushOutcome::Refused(words) => report.problems.push(refused(&words)),
            PushOutcome::ReadOnly(words) => report.problems.push(read_only(&words)),
        }
        self.publish(&declared, &plan, report.problems.first().cloned());
        Ok(Some(report))
    }

    /// The commits to make, and the bumps of each. A part of the plan that may not be carried out is told in the report and
    /// does not keep the others from being made.
    pub(super) async fn commits(
        &self,
        tip: CommitId,
        declared: &DeclaredState,
        plan: &BumpPlan,
        report: &mut AutomationReport,
    ) -> Result<(Vec<NewCommit>, Vec<Vec<PlannedBump>>), RepoFailure> {
        let whole = plan::commits(plan, self.style.per, &self.style.template);
        let parts = whole.into_iter().filter(|part| match plan::check(part) {
            Ok(()) => true,
            Err(wrong) => {
                report.problems.extend(wrong);
                false
            }
        });
        let edits = edits::make(&*self.repo, declared, parts.collect()).await?;
        let reasons = edits.refused.into_iter().map(|unwritten| unwritten.reason);
        report.problems.extend(reasons);
        let unknown = jiff::Timestamp::UNIX_EPOCH;
        let commits = edits.commits.iter().map(|edited| NewCommit {
            parent: tip,
            edits: edited.files.clone(),
            message: plan::message(&edited.plan, &self.style.template),
            time: plan::commit_time(&edited.plan, unknown, unknown),
        });
        let commits = commits.collect();
        Ok((
            commits,
            edits.commits.into_iter().map(|edited| edited.plan.bumps).collect(),
        ))
    }

    /// Tells everybody of what has landed, each bump with the commit that made it.
    async fn landed(&self, parent: CommitId, tip: CommitId, landing: Vec<Vec<PlannedBump>>) -> Option<Landed> {
        let newest_first = match landing.len() {
            1 => Ok(Vec::new()),
            count => self.repo.history(tip, Some(parent), count).await,
        };
        let ids: Vec<CommitId> = newest_first
            .unwrap_or_default()
            .iter()
            .rev()
            .map(|commit| commit.id)
            .collect();
        let mut last = None;
        for (number, bumps) in landing.into_iter().enumerate() {
            let commit = ids.get(number).copied().unwrap_or(tip);
            let landed = Landed { commit, bumps };
            for bump in &landed.bumps {
                let from = bump.from.as_ref().map(tracing::field::display);
                tracing::info!(%commit, field = %bump.field, from, to = %bump.to, "bumped");
            }
            self.metrics.bumped(landed.bumps.len());
            self.hooks.landed(&landed);
            last = Some(landed);
        }
        last
    }

    async fn push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        let outcome = self.tip.push(&*self.repo, commits).await;
        self.count(&outcome);
        outcome
    }

    pub(super) fn count(&self, outcome: &Result<PushOutcome, RepoFailure>) {
        self.metrics.git_push(match outcome {
            Ok(PushOutcome::Landed(_)) => PushResult::Landed,
            Ok(PushOutcome::Lost) => PushResult::Lost,
            Ok(PushOutcome::Refused(_)) => PushResult::Refused,
            Ok(PushOutcome::ReadOnly(_)) => PushResult::ReadOnly,
            Err(_) => PushResult::Failed,
        });
    }

    /// A finding or a decision's reason is logged when it is new, not at each pass.
    pub(super) fn tell(&mut self, declared: &DeclaredState, plan: &BumpPlan) {
        let mut now = BTreeSet::new();
        for finding in &declared.findings {
            let text = finding.to_string();
            if !self.told.contains(&text) {
                match finding.severity {
                    crate::model::Severity::Notice => tracing::info!(finding = %text, "config repo"),
                    _ => tracing::warn!(finding = %text, "config repo"),
                }
            }
            now.insert(text);
        }
        for decision in &plan.decisions {
            let text = format!("{}: {}", decision.field, decision.reason);
            if !self.told.contains(&text) {
                if decision.outcome == Decision::Held {
                    tracing::info!(field = %decision.field, reason = %decision.reason, "held");
                } else if needs_a_person(decision.outcome) {
                    tracing::warn!(path = %decision.path, position = %decision.position, field = %decision.field, reason = %decision.reason, "not bumped");
                } else {
                    tracing::debug!(field = %decision.field, reason = %decision.reason, "decided");
                }
            }
            now.insert(text);
        }
        self.told = now;
    }

    /// Why bumps are not made is logged when it is new, not at each try.
    fn tell_problems(&mut self, problems: &[String]) {
        for problem in problems {
            if self.problems.contains(problem) {
                tracing::debug!(%problem, "bumps still not made");
            } else {
                tracing::warn!(%problem, "bumps not made");
            }
        }
        self.problems = problems.iter().cloned().collect();
    }

    fn failed(&mut self, failure: RepoFailure) -> Outcome<AutomationReport> {
        let problems = vec![failure.message];
        self.tell_problems(&problems);
        self.status.send_modify(|status| {
            let mut now = Status::clone(status);
            now.problem = problems.first().cloned();
            *status = Arc::new(now);
        });
        Outcome::Retry(AutomationReport {
            problems,
            ..AutomationReport::default()
        })
    }

    /// What stands now, and why: the one answer for all who ask.
    pub(super) fn publish(&self, declared: &DeclaredState, plan: &BumpPlan, problem: Option<String>) {
        self.metrics
            .findings(declared.findings.iter().map(|finding| finding.severity));
        let held = plan
            .decisions
            .iter()
            .filter(|decision| decision.outcome == Decision::Held)
            .count();
        self.metrics.fields(plan.decisions.len(), held);
        self.status.send_replace(Arc::new(Status {
            commit: Some(declared.commit),
            fields: plan.decisions.clone(),
            findings: declared.findings.clone(),
            problem,
        }));
    }
}

impl<G: ConfigRepo + SideBranches, F: Hooks> Pass for Automation<G, F> {
    type Report = AutomationReport;

    async fn pass(&mut self) -> Outcome<AutomationReport> {
        for _ in 0..RACES {
            match self.attempt().await {
                Ok(Some(report)) => {
                    self.tell_problems(&report.problems);
                    return match (&report.landed, report.problems.is_empty()) {
                        (_, false) => Outcome::Retry(report),
                        (Some(_), true) => Outcome::Again(report, SETTLE),
                        (None, true) => Outcome::Done(report),
                    };
                }
                Ok(None) => {
                    tracing::info!("the branch moved first: fetching and deciding again");
                    tokio::time::sleep(PAUSE.mul_f64(self.hooks.jitter())).await;
                    if let Err(failure) = self.tip.fetch(&*self.repo).await {
                        return self.failed(failure);
                    }
                }
                Err(failure) => return self.failed(failure),
            }
        }
        Outcome::Retry(AutomationReport {
            problems: vec![format!(
                "the branch moved first {RACES} times in a row; trying again soon"
            )],
            ..AutomationReport::default()
        })
    }

    fn timed_out(&self, deadline: Duration) -> AutomationReport {
        let problem = format!("the pass did not end within {} s", deadline.as_secs());
        AutomationReport {
            problems: vec![problem],
            ..AutomationReport::default()
        }
    }
}

pub(super) fn refused(words: &str) -> String {
    format!(
        "the server refused the push: {}; let the deploy key push to the branch, change the rule that refuses, or have \
         tidegate push to a branch of its own (automation.push)",
        words.trim_end_matches('.')
    )
}

pub(super) fn read_only(words: &str) -> String {
    format!(
        "the deploy key may not write: {}; give it write access (`tidegate identity` prints it)",
        words.trim_end_matches('.')
    )
}

fn needs_a_person(decision: Decision) -> bool {
    matches!(decision, Decision::InvalidPolicy | Decision::NoCandidate)
}
