use super::audit::Audit;
use super::charts::Charts;
use super::claims::{self, Claim};
use super::drift;
use super::end::{End, Ended};
use super::inputs::{self, ChartInput, Found, Inputs};
use super::job::{Job, has_begun, input_of};
use super::memory::Memories;
use super::parts::Parts;
use super::removal::{self, Removal};
use super::report::ReleaseReport;
use super::settled::{is_settled, problem};
use super::shared::Shared;
use crate::driver::{Outcome as PassOutcome, Pass};
use crate::model::{CommitId, ObjectId};
use crate::notice::{ReleaseEvent, Topic};
use crate::port::{ClusterFailure, ConfigRepo, HelmProgram, ReleaseCluster, ReleaseView};
use crate::release::{Action, Chart, Outcome, Phase, ReleaseName, Revision, Situation, Status, next};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many helm processes run at once. Each takes about 100 MB of memory.
const AT_ONCE: usize = 2;
/// After a failure of the cluster or the config repo.
const FAILED: Duration = Duration::from_secs(5);

/// After a job that found nothing to do yet: the watches have shown by then what the job has read.
const PAUSE: Duration = Duration::from_secs(2);

/// The work of the loop.
pub struct ReleaseLoop<C, H, G> {
    parts: Parts<C, H, G>,
    shared: Option<Arc<Shared<C, H, G>>>,
    charts: Charts,
    jobs: JoinSet<()>,
    /// The releases that somebody works on, each with the input.
    busy: BTreeMap<ObjectId, String>,
    ended: Arc<Mutex<Vec<Ended>>>,
    /// The releases for which no job with the same input begins before this time, since one has just ended.
    due: BTreeMap<ObjectId, (Instant, String)>,
    /// When a release is due that waits for nothing but time, as this pass sees it.
    timers: Vec<Instant>,
    /// Why releases were not as declared at the last pass.
    failing: BTreeMap<ObjectId, String>,
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

    fn take_ended(&mut self) {
        while self.jobs.try_join_next().is_some() {}
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, end) in ended {
            let input = self.busy.remove(&id).unwrap_or_default();
            let wait = match end {
                End::Rest => None,
                End::Again(wait) => Some(wait.min(PAUSE)),
                End::Later(wait) => Some(wait),
                End::Failed(reason) => {
                    tracing::debug!(object = %id, error = %reason, "release not carried out, trying again");
                    Some(FAILED)
                }
            };
            match wait {
                Some(wait) => drop(self.due.insert(id, (Instant::now() + wait, input))),
                None => drop(self.due.remove(&id)),
            }
        }
    }

    /// Whether a job with this input may begin for this release now.
    fn is_free(&self, id: &ObjectId, input: &str) -> bool {
        let is_due = self.due.get(id).is_none_or(|(_, known)| known != input);
        is_due && !self.busy.contains_key(id) && self.busy.len() < AT_ONCE
    }

    /// Begins what a release needs. Returns why the release is not as declared.
    async fn consider(&mut self, claim: &Claim, view: &ReleaseView, commit: CommitId) -> Option<String> {
        let id = &claim.release.id;
        let spec = match &claim.spec {
            Ok(spec) => spec,
            Err(refusal) => return self.refuse(claim, Phase::Failed, refusal).await,
        };
        let chart = match &spec.chart {
            Chart::Remote(chart) => ChartInput::Remote(chart.clone()),
            Chart::Folder(folder) => match self.charts.get(&*self.parts.repo, folder).await {
                Ok(tree) => ChartInput::Tree(tree),
                Err(reason) => return self.refuse(claim, Phase::ChartFetchFailed, &reason).await,
            },
        };
        let inputs = match Inputs::gather(spec, chart, view) {
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

    /// Looks at the objects of a release on which nobody works, if the watches show that one of them has changed.
    fn audit(&mut self, claim: &Claim, name: &ReleaseName, newest: Option<&Revision>, view: &ReleaseView) {
        let Some(due) = drift::due(claim, name, newest, view) else {
            return;
        };
        let (Some(shared), Some(newest)) = (self.shared.clone(), newest) else {
            return;
        };
        if self.is_free(&claim.release.id, &due.input) {
            let audit = Audit {
                shared,
                id: claim.release.id.clone(),
                uid: claim.release.uid.clone(),
                release: name.clone(),
                revision: newest.number,
                rules: due.rules,
                seen: due.seen,
                followed: due.followed,
            };
            self.begin(claim.release.id.clone(), due.input, audit.run());
        }
    }

    fn begin(&mut self, id: ObjectId, input: String, work: impl Future<Output = End> + Send + 'static) {
        self.busy.insert(id.clone(), input);
        self.due.remove(&id);
        let (ended, wake) = (Arc::clone(&self.ended), self.parts.wake.clone());
        // A bug in one job ends that job, and the loop learns of it.
        let guarded = tokio::spawn(work);
        self.jobs.spawn(async move {
            let abort = AbortOnDrop(guarded.abort_handle());
            let end = guarded.await.unwrap_or_else(|error| End::Failed(error.to_string()));
            drop(abort);
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((id, end));
            wake.wake();
        });
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

    /// Begins the removal of a release.
    fn remove(&mut self, claim: &Claim, claims: &BTreeMap<ObjectId, Claim>) -> Option<String> {
        let release = &claim.release;
        let name = |claim: &Claim| claim.spec.as_ref().ok().map(|spec| spec.name());
        let is_other = |other: &&Claim| !other.release.is_deleted && other.release.id != release.id;
        let is_claimed =
            name(claim).is_some() && claims.values().filter(is_other).any(|other| name(other) == name(claim));
        if release.has_finalizer && self.is_free(&release.id, removal::INPUT) {
            let work = Removal {
                shared: Arc::clone(self.shared.as_ref()?),
                declared: Arc::clone(&self.parts.declared),
                id: release.id.clone(),
                is_claimed,
            };
            work.shared.memory.forget(&release.id);
            self.begin(release.id.clone(), removal::INPUT.to_owned(), work.run());
        }
        (claim.status.tries.failures > 0)
            .then(|| problem(&claim.status))
            .flatten()
    }

    /// When the loop has to look without being woken.
    fn next_due(&self) -> Option<Duration> {
        if self.busy.len() >= AT_ONCE {
            // The end of a job starts the loop again.
            return None;
        }
        let waiting = self.due.iter().filter(|(id, _)| !self.busy.contains_key(*id));
        let first = waiting
            .map(|(_, (due, _))| *due)
            .chain(self.timers.iter().copied())
            .min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }
}

/// Ends a job together with the loop: helm is killed, and the next agent leads the release out of its state.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
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
