//! Carries out what a release needs, one action after the other, each decided on what was just read.

use super::end::End;
use super::inputs::Inputs;
use super::shared::{Done, Shared, steps};
use crate::model::{CommitId, ObjectId};
use crate::notice::ReleaseAction;
use crate::port::{ClusterFailure, ConfigRepo, HelmFailure, HelmProgram, HelmRelease, ReleaseCluster};
use crate::release::{Action, Next, Outcome, Phase, ReleaseName, Revision, Situation, Spec, State, Status, next};
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

/// The work on one release.
pub(super) struct Job<C, H, G> {
    pub(super) shared: Arc<Shared<C, H, G>>,
    pub(super) id: ObjectId,
    pub(super) uid: String,
    pub(super) generation: Option<i64>,
    pub(super) spec: Arc<Spec>,
    pub(super) inputs: Box<Inputs>,
    pub(super) commit: CommitId,
}

/// What is known before an action.
pub(super) struct Scene {
    pub(super) live: HelmRelease,
    pub(super) status: Status,
    pub(super) stored: Vec<Revision>,
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

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> Job<C, H, G> {
    /// Works until nothing is due.
    pub(super) async fn run(self) -> End {
        steps(MOST_ACTIONS, End::Again(PAUSE), || self.step()).await
    }

    pub(super) fn name(&self) -> ReleaseName {
        self.spec.name()
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
            is_worked_on: self.shared.works_on(&self.name(), &stored).await,
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
                self.happened(ReleaseAction::LedOut, revision, None);
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
        let failing = status.phase.filter(|phase| phase.released() == Some(false));
        let message = status.problem().unwrap_or("tried too often without success").to_owned();
        self.write(scene, status, failing.unwrap_or(Phase::Failed), &message)
            .await?;
        Ok(Some(End::Rest))
    }

    pub(super) fn happened(&self, action: ReleaseAction, revision: u32, problem: Option<&HelmFailure>) {
        self.shared.happened(Done {
            id: &self.id,
            release: &self.name(),
            action,
            revision,
            commit: self.commit,
            problem,
        });
    }

    /// Writes the status with a phase. Returns the status as written.
    pub(super) async fn write(
        &self,
        scene: &Scene,
        mut status: Status,
        phase: Phase,
        message: &str,
    ) -> Result<Status, ClusterFailure> {
        status.release_name = self.spec.release.clone();
        status.release_namespace = self.spec.namespace.clone();
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
    pub(super) async fn keep(&self, scene: &Scene, status: Status) -> Result<(), ClusterFailure> {
        self.shared.cluster.set_status(&scene.live, &status).await
    }
}
