use super::charts::Charts;
use super::claims::{self, Claim};
use super::drift;
use super::end::Ended;
use super::inputs::{self, ChartInput, Found, Inputs};
use super::job::{Job, has_begun, input_of};
use super::memory::Memories;
use super::parts::Parts;
use super::report::ReleaseReport;
use super::settled::{is_settled, problem};
use super::shared::Shared;
use super::versions::{Lister, Resolved, Versions};
use crate::driver::{Outcome as PassOutcome, Pass};
use crate::model::{CommitId, ObjectId};
use crate::notice::{ReleaseEvent, Topic};
use crate::port::{ClusterFailure, ConfigRepo, HelmProgram, ReleaseCluster, ReleaseView};
use crate::release::{Action, Chart, Outcome, Phase, Situation, Status, next};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many helm processes run at once. Each takes about 100 MB of memory.
pub(super) const AT_ONCE: usize = 2;
/// After a failure of the cluster or the config repo.
pub(super) const FAILED: Duration = Duration::from_secs(5);

/// The work of the loop.
pub struct ReleaseLoop<C, H, G> {
    pub(super) parts: Parts<C, H, G>,
    pub(super) shared: Option<Arc<Shared<C, H, G>>>,
    pub(super) charts: Charts,
    pub(super) versions: Versions,
    pub(super) jobs: JoinSet<()>,
    /// The releases that somebody works on, each with the input.
    pub(super) busy: BTreeMap<ObjectId, String>,
    pub(super) ended: Arc<Mutex<Vec<Ended>>>,
    /// The releases for which no job with the same input begins before this time, since one has just ended.
    pub(super) due: BTreeMap<ObjectId, (Instant, String)>,
    /// When a release is due that waits for nothing but time, as this pass sees it.
    pub(super) timers: Vec<Instant>,
    /// Why releases were not as declared at the last pass.
    pub(super) failing: BTreeMap<ObjectId, String>,
}

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> ReleaseLoop<C, H, G> {
    /// A loop that has done nothing yet.
    pub fn new(parts: Parts<C, H, G>) -> Self {
        let shared = parts.helm.as_ref().ok().map(|helm| {
            Arc::new(Shared {
                target: parts.target.clone(),
                cluster: Arc::clone(&parts.cluster),
                helm: Arc::clone(helm),
                repo: Arc::clone(&parts.repo),
                reporter: parts.reporter.clone(),
                applied: Arc::clone(&parts.applied),
                memory: Memories::default(),
            })
        });
        Self {
            parts,
            shared,
            charts: Charts::default(),
            versions: Versions::default(),
            jobs: JoinSet::new(),
            busy: BTreeMap::new(),
            ended: Arc::default(),
            due: BTreeMap::new(),
            timers: Vec::new(),
            failing: BTreeMap::new(),
        }
    }

    async fn look(&mut self) -> ReleaseReport {
        self.take_ended();
        self.timers.clear();
        self.versions.forget_old(self.parts.chart_interval);
        if !(self.parts.is_needed)() && self.parts.cluster.view().releases.is_empty() {
            return ReleaseReport::default();
        }
        if let Err(reason) = &self.parts.helm {
            return self.off(reason.clone());
        }
        self.parts.cluster.start();
        let view = self.parts.cluster.view();
        if let Some(problem) = view.problem.clone() {
            return self.off(problem);
        }
        let Some(commit) = (self.parts.applied)().filter(|_| view.is_complete) else {
            // The end of the sync pass, or the list, starts the loop again.
            return ReleaseReport {
                releases: view.releases.len(),
                busy: self.busy.len(),
                ..ReleaseReport::default()
            };
        };
        self.charts.turn_to(&*self.parts.repo, commit).await;
        let claims = claims::read(&view, self.parts.own.as_ref());
        let specs = claims.values().filter_map(|claim| claim.spec.as_deref().ok());
        self.parts.cluster.follow(inputs::sources(specs));
        self.parts.cluster.follow_objects(drift::kinds(claims.values()));
        let now = Instant::now();
        self.due.retain(|id, (due, _)| claims.contains_key(id) && *due > now);
        let mut failing = BTreeMap::new();
        for (id, claim) in &claims {
            // What a release was before somebody began to work on it, it stays until the work has ended.
            let known = self.failing.get(id).filter(|_| self.busy.contains_key(id)).cloned();
            let problem = match claim.release.is_deleted {
                _ if self.busy.contains_key(id) => known,
                true => self.remove(claim, &claims),
                false => self.consider(claim, &view, commit).await,
            };
            if let Some(problem) = problem {
                failing.insert(id.clone(), problem);
            }
        }
        self.present(&failing, &claims);
        self.failing.clone_from(&failing);
        ReleaseReport {
            releases: claims.len(),
            busy: self.busy.len(),
            failing,
            off: None,
        }
    }

    fn off(&self, reason: String) -> ReleaseReport {
        let event = ReleaseEvent::Off { reason: reason.clone() };
        let topic = Topic::Releases(self.parts.target.clone());
        self.parts.reporter.present(topic, [(self.parts.target.clone(), event)]);
        ReleaseReport {
            off: Some(reason),
            ..ReleaseReport::default()
        }
    }

    fn present(&self, failing: &BTreeMap<ObjectId, String>, claims: &BTreeMap<ObjectId, Claim>) {
        let failing = failing.iter().map(|(id, message)| ReleaseEvent::Failing {
            id: id.clone(),
            message: message.clone(),
        });
        let drifted = claims.iter().filter_map(|(id, claim)| {
            let lines = &claim.status.objects.as_ref()?.drifted;
            (!lines.is_empty()).then(|| ReleaseEvent::Drifted {
                id: id.clone(),
                message: lines.join("; "),
            })
        });
        let target = &self.parts.target;
        let events = failing.chain(drifted).map(|event| (target.clone(), event));
        self.parts.reporter.present(Topic::Releases(target.clone()), events);
    }

    /// Begins what a release needs. Returns why the release is not as declared.
    async fn consider(&mut self, claim: &Claim, view: &ReleaseView, commit: CommitId) -> Option<String> {
        let id = &claim.release.id;
        let spec = match &claim.spec {
            Ok(spec) => spec,
            Err(refusal) => return self.refuse(claim, Phase::Failed, refusal).await,
        };
        if let Some(before) = &claim.before {
            return self.leave(claim, before);
        }
        let found = match self.chart(&spec.chart, view).await {
            Ok(chart) => Inputs::gather(spec, chart, view),
            Err(found) => found,
        };
        let inputs = match found {
            Found::Complete(inputs) => inputs,
            Found::NotYet => return None,
            Found::Missing(reason) => return self.refuse(claim, Phase::ChartFetchFailed, &reason).await,
        };
        let input = input_of(&inputs, &claim.release);
        let tries = claim.status.tries.of(&input);
        let stored = view.stored.get(&spec.name());
        let stored = stored.map(|stored| stored.as_slice()).unwrap_or_default();
        let decided = next(&Situation {
            spec,
            inputs: &inputs.digest,
            stored,
            tries: &tries,
            began: has_begun(&claim.status),
            is_worked_on: false,
            now: Timestamp::now(),
        });
        let newest = stored.last().map(|newest| newest.number);
        if let Action::Wait(wait) = decided.action {
            self.timers.push(Instant::now() + wait);
        }
        if is_settled(claim, decided, newest, &inputs) {
            self.audit(claim, &spec.name(), stored.last(), view);
        } else if self.is_free(id, &input) {
            let job = Job {
                shared: Arc::clone(self.shared.as_ref()?),
                id: id.clone(),
                uid: claim.release.uid.clone(),
                generation: claim.release.generation,
                spec: Arc::clone(spec),
                inputs,
                commit,
            };
            self.begin(id.clone(), input, job.run());
        }
        problem(&claim.status)
    }

    /// The chart of a release: its files at the commit, or the version that its range means.
    async fn chart(&mut self, chart: &Chart, view: &ReleaseView) -> Result<ChartInput, Found> {
        let chart = match chart {
            Chart::Folder(folder) => {
                let tree = self.charts.get(&*self.parts.repo, folder).await;
                return tree.map(ChartInput::Tree).map_err(Found::Missing);
            }
            Chart::Remote(chart) => chart,
        };
        let login = inputs::login(chart, view)?;
        if chart.is_exact() {
            let chart = chart.clone();
            return Ok(ChartInput::Remote { chart, login });
        }
        let Ok(helm) = &self.parts.helm else {
            return Err(Found::NotYet);
        };
        let lister = Lister {
            helm: Arc::clone(helm),
            tags: Arc::clone(&self.parts.tags),
            wake: self.parts.wake.clone(),
            interval: self.parts.chart_interval,
        };
        let (resolved, due) = self.versions.resolve(chart, login.clone(), lister);
        self.timers.push(due);
        match resolved {
            Resolved::Version(chart) => Ok(ChartInput::Remote { chart, login }),
            Resolved::NotYet => Err(Found::NotYet),
            Resolved::No(reason) => Err(Found::Missing(reason)),
        }
    }

    /// Shows on the HelmRelease why it is not carried out.
    async fn refuse(&mut self, claim: &Claim, phase: Phase, reason: &str) -> Option<String> {
        let outcome = Outcome {
            generation: claim.release.generation,
            phase,
            message: reason.to_owned(),
        };
        let status = claim.status.with(&outcome, Timestamp::now());
        if status != claim.status
            && self.is_free(&claim.release.id, reason)
            && let Err(failure) = self.write(claim, &status).await
        {
            tracing::debug!(object = %claim.release.id, error = %failure, "status not written");
            let due = (Instant::now() + FAILED, reason.to_owned());
            self.due.insert(claim.release.id.clone(), due);
        }
        Some(reason.to_owned())
    }

    async fn write(&self, claim: &Claim, status: &Status) -> Result<(), ClusterFailure> {
        self.parts.cluster.set_status(&claim.release, status).await
    }
}

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> Pass for ReleaseLoop<C, H, G> {
    type Report = ReleaseReport;

    async fn pass(&mut self) -> PassOutcome<ReleaseReport> {
        let report = self.look().await;
        match self.next_due() {
            Some(wait) => PassOutcome::Again(report, wait),
            None => PassOutcome::Done(report),
        }
    }

    fn timed_out(&self, deadline: Duration) -> ReleaseReport {
        ReleaseReport {
            off: Some(format!("a pass did not end within {} s", deadline.as_secs())),
            ..ReleaseReport::default()
        }
    }
}
