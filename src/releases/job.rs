//! Carries out what a release needs, one action after the other, each decided on what was just read.

use super::claims::name_of;
use super::end::End;
use super::inputs::{ChartInput, Inputs};
use crate::model::{CommitId, ObjectId, TargetId};
use crate::notice::{ReleaseAction, ReleaseEvent, Reporter};
use crate::port::{
    ChartSource, ClusterFailure, ConfigRepo, HelmFailure, HelmProblem, HelmProgram, HelmRelease, ReleaseCluster,
    ReleaseName, Rollback, Upgrade,
};
use crate::release::{Action, InputLabel, Next, Outcome, Phase, Revision, Situation, Spec, State, Status, next};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Asks for another try of an input that failed too often, by any other value.
const RETRY: &str = "/metadata/annotations/tidegate.dev~1retry";
/// The most actions of one job: mark as failed, upgrade, test, roll back, and a look at the result.
const MOST_ACTIONS: usize = 6;
/// After so many actions the loop looks at other releases first.
const PAUSE: Duration = Duration::from_secs(1);
/// A HelmRelease that changed is looked at again when the watch shows the change; this is for a change that the watch has shown.
const CHANGED: Duration = Duration::from_secs(2);

/// How soon a chart is fetched again that could not be fetched.
const NOT_FETCHED: Duration = Duration::from_secs(60);

/// What all jobs share.
pub(super) struct Shared<C, H, G> {
    pub(super) target: TargetId,
    pub(super) cluster: Arc<C>,
    pub(super) helm: Arc<H>,
    pub(super) repo: Arc<G>,
    pub(super) reporter: Reporter,
    /// The commit that the cluster is at; `None` while a sync pass runs.
    pub(super) applied: Arc<dyn Fn() -> Option<CommitId> + Send + Sync>,
}

/// The work on one release.
pub(super) struct Job<C, H, G> {
    pub(super) shared: Arc<Shared<C, H, G>>,
    pub(super) id: ObjectId,
    pub(super) uid: String,
    pub(super) generation: Option<i64>,
    pub(super) spec: Spec,
    pub(super) inputs: Box<Inputs>,
    pub(super) commit: CommitId,
}

/// What is known before an action.
struct Scene {
    live: HelmRelease,
    status: Status,
    stored: Vec<Revision>,
}

/// What a person asked to be tried, and the digest.
pub(super) fn input_of(inputs: &Inputs, release: &HelmRelease) -> String {
    match release.value.pointer(RETRY).and_then(serde_json::Value::as_str) {
        Some(retry) => format!("{}/{retry}", inputs.digest),
        None => inputs.digest.to_string(),
    }
}

/// Whether the last operation that the agent began has no label of the agent in Helm's storage.
pub(super) fn has_begun(status: &Status) -> bool {
    matches!(status.phase, Some(Phase::RollingBack | Phase::Uninstalling))
}

/// Whether a phase says that something failed.
pub(super) fn is_failing(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::DeployFailed
            | Phase::TestFailed
            | Phase::RolledBack
            | Phase::RollbackFailed
            | Phase::Failed
            | Phase::ChartFetchFailed
    )
}

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> Job<C, H, G> {
    /// Works until nothing is due.
    pub(super) async fn run(self) -> End {
        for _ in 0..MOST_ACTIONS {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(failure) => return End::Failed(failure.to_string()),
            }
        }
        End::Again(PAUSE)
    }

    fn name(&self) -> ReleaseName {
        name_of(&self.spec)
    }

    /// One action. `None`: look again.
    async fn step(&self) -> Result<Option<End>, ClusterFailure> {
        let cluster = &self.shared.cluster;
        let Some(live) = cluster.read(&self.id).await? else {
            return Ok(Some(End::Rest));
        };
        if live.is_deleted || live.uid != self.uid || live.generation != self.generation {
            return Ok(Some(End::Again(CHANGED)));
        }
        let mut status = Status::read(&live.value);
        status.tries = status.tries.of(&input_of(&self.inputs, &live));
        let stored = cluster.stored(&self.name()).await?;
        let decided = next(&Situation {
            spec: &self.spec,
            inputs: &self.inputs.digest,
            stored: &stored,
            tries: &status.tries,
            began: has_begun(&status),
            is_worked_on: stored.last().is_some_and(|newest| newest.status.is_pending())
                && self.shared.helm.works_on(&self.name()),
            now: Timestamp::now(),
        });
        let scene = Scene { live, status, stored };
        self.act(decided, scene).await
    }

    async fn act(&self, decided: Next, scene: Scene) -> Result<Option<End>, ClusterFailure> {
        tracing::debug!(release = %self.name(), state = %decided.state, action = ?decided.action, "release");
        match decided.action {
            Action::Rest => self.succeeded(&scene).await,
            Action::GiveUp => self.given_up(&scene).await,
            Action::Wait(wait) => {
                if let State::Pending(status) = decided.state {
                    let message = format!("{status} of another helm process is awaited");
                    self.write(&scene, scene.status.clone(), Phase::Waiting, &message)
                        .await?;
                }
                Ok(Some(End::Again(wait)))
            }
            Action::MarkFailed(revision) => {
                self.shared.cluster.mark_failed(&self.name(), revision).await?;
                self.happened(ReleaseAction::LedOut, revision, Ok(()));
                Ok(None)
            }
            Action::Release { revision } => self.release(scene, decided.state, revision).await,
            Action::Rollback(to) => self.roll_back(scene, to).await,
            Action::Test(revision) => self.test(scene, revision).await,
            // Only a removal has these.
            Action::Uninstall | Action::Forget => Ok(Some(End::Rest)),
        }
    }

    async fn succeeded(&self, scene: &Scene) -> Result<Option<End>, ClusterFailure> {
        let newest = scene.stored.last().map_or(0, |newest| newest.number);
        let mut status = scene.status.clone();
        status.tries.failures = 0;
        status.tries.failed_at = None;
        status.last_attempted_digest = self.inputs.digest.to_string();
        if status.revision.is_empty() {
            status.revision = self.commit.to_string();
        }
        let message = format!("release {} is at revision {newest}", self.name());
        self.write(scene, status, Phase::Succeeded, &message).await?;
        Ok(Some(End::Rest))
    }

    async fn given_up(&self, scene: &Scene) -> Result<Option<End>, ClusterFailure> {
        let status = scene.status.clone();
        let failing = status.phase.filter(|phase| is_failing(*phase));
        let known = status.conditions.iter().find(|condition| condition.status == "False");
        let message = known.map(|condition| condition.message.clone());
        let message = message.unwrap_or_else(|| "tried too often without success".to_owned());
        self.write(scene, status, failing.unwrap_or(Phase::Failed), &message)
            .await?;
        Ok(Some(End::Rest))
    }

    /// Installs or upgrades.
    async fn release(&self, scene: Scene, state: State, revision: u32) -> Result<Option<End>, ClusterFailure> {
        if (self.shared.applied)() != Some(self.commit) {
            // A sync pass is about to change chart or values. Its end starts the loop again.
            return Ok(Some(End::Rest));
        }
        if !scene.live.has_finalizer {
            match self.shared.cluster.set_finalizer(&scene.live, true).await {
                Err(ClusterFailure::Conflict { .. }) => return Ok(None),
                other => other?,
            }
        }
        let chart = match self.read_chart().await {
            Ok(chart) => chart,
            Err(reason) => {
                let status = scene.status.clone();
                self.write(&scene, status, Phase::ChartFetchFailed, &reason).await?;
                return Ok(Some(End::Failed(reason)));
            }
        };
        if state == State::Foreign && scene.status.tries.failures == 0 && scene.status.last_attempted_digest.is_empty()
        {
            self.happened(ReleaseAction::TakenOver, revision.saturating_sub(1), Ok(()));
        }
        let (phase, action) = match scene.stored.is_empty() {
            true => (Phase::Installing, ReleaseAction::Installed),
            false => (Phase::Upgrading, ReleaseAction::Upgraded),
        };
        let mut status = scene.status.clone();
        status.last_attempted_revision = self.commit.to_string();
        status.last_attempted_digest = self.inputs.digest.to_string();
        let status = self
            .write(&scene, status, phase, &format!("revision {revision} is made"))
            .await?;
        let ended = self.shared.helm.upgrade(self.upgrade(chart, revision)).await;
        self.happened(action, revision, ended.clone());
        let mut status = status;
        match ended {
            Ok(()) => {
                status.tries.failures = 0;
                status.tries.failed_at = None;
                status.revision = self.commit.to_string();
                self.keep(&scene, status).await?;
            }
            // Whoever keeps the chart may be away for a while. The input is not to blame.
            Err(failure) if failure.problem == HelmProblem::NotFetched => {
                self.write(&scene, status, Phase::ChartFetchFailed, &failure.message)
                    .await?;
                return Ok(Some(End::Later(NOT_FETCHED)));
            }
            Err(failure) => {
                status.tries.failures += 1;
                status.tries.failed_at = Some(Timestamp::now());
                self.write(&scene, status, Phase::DeployFailed, &failure.message)
                    .await?;
            }
        }
        Ok(None)
    }

    async fn read_chart(&self) -> Result<ChartSource, String> {
        match &self.inputs.chart {
            ChartInput::Tree(tree) => tree.read(&*self.shared.repo).await.map(ChartSource::Files),
            ChartInput::Remote(chart) => Ok(ChartSource::Remote(chart.clone())),
        }
    }

    fn upgrade(&self, chart: ChartSource, revision: u32) -> Upgrade {
        let spec = &self.spec;
        Upgrade {
            release: self.name(),
            values: self.inputs.texts(spec, &chart),
            chart,
            label: InputLabel {
                inputs: self.inputs.digest.clone(),
                revision,
            },
            description: format!("Tidegate: commit {}", self.commit.short()),
            max_history: spec.max_history,
            timeout: spec.timeout,
            wait: spec.wait,
            atomic: spec.atomic,
            reuse_values: spec.reuse_values,
            force: spec.force,
            skip_crds: spec.skip_crds,
            skip_openapi_validation: spec.skip_openapi_validation,
        }
    }

    async fn roll_back(&self, scene: Scene, to: u32) -> Result<Option<End>, ClusterFailure> {
        let why = scene
            .status
            .conditions
            .iter()
            .find(|condition| condition.status == "False");
        let why = why.map(|condition| condition.message.clone()).unwrap_or_default();
        let status = self
            .write(
                &scene,
                scene.status.clone(),
                Phase::RollingBack,
                &format!("back to revision {to}: {why}"),
            )
            .await?;
        let rollback = &self.spec.rollback;
        let ended = self
            .shared
            .helm
            .rollback(Rollback {
                release: self.name(),
                to,
                max_history: self.spec.max_history,
                timeout: rollback.timeout,
                wait: rollback.wait,
                force: rollback.force,
                disable_hooks: rollback.disable_hooks,
            })
            .await;
        self.happened(ReleaseAction::RolledBack, to, ended.clone());
        let mut status = status;
        match ended {
            Ok(()) => {
                // A revision whose tests failed counts as failed, so that the same input is not released again at once.
                status.tries.failures = status.tries.failures.max(1);
                status.tries.failed_at = status.tries.failed_at.or_else(|| Some(Timestamp::now()));
                status.tries.rollback_failures = 0;
                status.rollback_count = Some(status.rollback_count.unwrap_or_default() + 1);
                let message = format!("back at revision {to}: {why}");
                self.write(&scene, status, Phase::RolledBack, &message).await?;
            }
            Err(failure) => {
                status.tries.rollback_failures += 1;
                status.tries.failed_at = Some(Timestamp::now());
                self.write(&scene, status, Phase::RollbackFailed, &failure.message)
                    .await?;
            }
        }
        Ok(None)
    }

    async fn test(&self, scene: Scene, revision: u32) -> Result<Option<End>, ClusterFailure> {
        let message = format!("the tests of revision {revision} run");
        let mut status = self
            .write(&scene, scene.status.clone(), Phase::Testing, &message)
            .await?;
        let ended = self.shared.helm.test(self.name(), self.spec.test.timeout).await;
        self.happened(ReleaseAction::Tested, revision, ended.clone());
        status.tries.tested = Some(revision);
        status.tries.tests_failed = ended.is_err();
        match ended {
            Ok(()) => self.keep(&scene, status).await?,
            Err(failure) => {
                self.write(&scene, status, Phase::TestFailed, &failure.message).await?;
            }
        }
        Ok(None)
    }

    fn happened(&self, action: ReleaseAction, revision: u32, result: Result<(), HelmFailure>) {
        self.shared.reporter.happened((
            self.shared.target.clone(),
            ReleaseEvent::Happened {
                id: self.id.clone(),
                release: self.name().to_string(),
                action,
                revision,
                commit: self.commit,
                problem: result.err().map(|failure| failure.message),
            },
        ));
    }

    /// Writes the status with a phase. Returns the status as written.
    async fn write(
        &self,
        scene: &Scene,
        mut status: Status,
        phase: Phase,
        message: &str,
    ) -> Result<Status, ClusterFailure> {
        status.release_name = self.spec.release.clone();
        let newest = scene.stored.last();
        status.helm_revision = newest.map(|newest| newest.number);
        status.release_status = newest.map(|newest| newest.status.to_string()).unwrap_or_default();
        let outcome = Outcome {
            generation: self.generation,
            phase,
            message: message.to_owned(),
        };
        let written = status.with(&outcome, Timestamp::now());
        if written != Status::read(&scene.live.value) {
            self.shared.cluster.set_status(&scene.live, &written).await?;
        }
        Ok(written)
    }

    /// Writes the status as it is.
    async fn keep(&self, scene: &Scene, status: Status) -> Result<(), ClusterFailure> {
        self.shared.cluster.set_status(&scene.live, &status).await
    }
}
