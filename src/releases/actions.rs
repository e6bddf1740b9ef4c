//! What a job does with helm: a revision, a rollback, the tests.

use super::end::End;
use super::inputs::ChartInput;
use super::job::{Job, Scene};
use crate::notice::ReleaseAction;
use crate::port::{
    ChartSource, ClusterFailure, ConfigRepo, HelmFailure, HelmProblem, HelmProgram, ReleaseCluster, Upgrade,
};
use crate::release::{InputLabel, Phase, State, Status};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How soon an action is tried again that failed although nothing is wrong with the input.
const SURROUNDINGS: Duration = Duration::from_secs(60);

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> Job<C, H, G> {
    /// Installs or upgrades.
    pub(super) async fn release(
        &self,
        scene: Scene,
        state: State,
        revision: u32,
    ) -> Result<Option<End>, ClusterFailure> {
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
            self.happened(ReleaseAction::TakenOver, revision.saturating_sub(1), None);
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
        self.happened(action, revision, ended.as_ref().err());
        let mut status = status;
        match ended {
            Ok(()) => {
                status.tries.failures = 0;
                status.tries.failed_at = None;
                status.revision = self.commit.to_string();
                self.keep(&scene, status).await?;
            }
            Err(failure) if failure.problem == HelmProblem::Surroundings => {
                return self.put_off(&scene, status, Phase::ChartFetchFailed, &failure).await;
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
            ChartInput::Remote { chart, login } => Ok(ChartSource::Remote {
                chart: chart.clone(),
                login: login.clone(),
            }),
        }
    }

    fn upgrade(&self, chart: ChartSource, revision: u32) -> Upgrade {
        Upgrade {
            values: self.inputs.texts(&self.spec, &chart),
            spec: Arc::clone(&self.spec),
            chart,
            label: InputLabel {
                inputs: self.inputs.digest.clone(),
                revision,
            },
            description: format!("Tidegate: commit {}", self.commit.short()),
        }
    }

    pub(super) async fn roll_back(&self, scene: Scene, to: u32) -> Result<Option<End>, ClusterFailure> {
        let why = scene.status.problem().unwrap_or_default();
        let status = self
            .write(
                &scene,
                scene.status.clone(),
                Phase::RollingBack,
                &format!("back to revision {to}: {why}"),
            )
            .await?;
        let ended = self.shared.helm.rollback(&self.spec, to).await;
        self.happened(ReleaseAction::RolledBack, to, ended.as_ref().err());
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
            Err(failure) if failure.problem == HelmProblem::Surroundings => {
                return self.put_off(&scene, status, Phase::RollbackFailed, &failure).await;
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

    pub(super) async fn test(&self, scene: Scene, revision: u32) -> Result<Option<End>, ClusterFailure> {
        let message = format!("the tests of revision {revision} run");
        let mut status = self
            .write(&scene, scene.status.clone(), Phase::Testing, &message)
            .await?;
        let ended = self.shared.helm.test(&self.spec).await;
        self.happened(ReleaseAction::Tested, revision, ended.as_ref().err());
        match ended {
            Err(failure) if failure.problem == HelmProblem::Surroundings => {
                return self.put_off(&scene, status, Phase::TestFailed, &failure).await;
            }
            Ok(()) => {
                status.tries.tested = Some(revision);
                status.tries.tests_failed = false;
                self.keep(&scene, status).await?;
            }
            Err(failure) => {
                status.tries.tested = Some(revision);
                status.tries.tests_failed = true;
                self.write(&scene, status, Phase::TestFailed, &failure.message).await?;
            }
        }
        Ok(None)
    }

    /// Shows why an action failed for which the input is not to blame. Nothing counts as tried, and the same is tried later.
    async fn put_off(
        &self,
        scene: &Scene,
        status: Status,
        phase: Phase,
        failure: &HelmFailure,
    ) -> Result<Option<End>, ClusterFailure> {
        self.write(scene, status, phase, &failure.message).await?;
        Ok(Some(End::Later(SURROUNDINGS)))
    }
}
