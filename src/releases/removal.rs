//! Uninstalls the release of a HelmRelease that goes, and the one that a HelmRelease named before.

use super::declared::{Declared, declared};
use super::end::End;
use super::job::has_begun;
use super::shared::{Done, Shared, steps};
use crate::model::{CommitId, ObjectId};
use crate::notice::ReleaseAction;
use crate::port::{ClusterFailure, ConfigRepo, DeclaredSource, HelmProgram, HelmRelease, ReleaseCluster};
use crate::release::{Action, InputDigest, Outcome, Phase, ReleaseName, Situation, Spec, Status, Tries, next_removal};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What a removal works on and tries, in place of an input.
pub(super) const INPUT: &str = "uninstall";
/// The most actions of one job: an uninstall, and the end of the HelmRelease.
const MOST_ACTIONS: usize = 3;
/// How soon git is asked again where it does not say whether the HelmRelease is declared.
const UNKNOWN: Duration = Duration::from_secs(10);
/// How soon a release is looked at again on which a process works.
const WORKED_ON: Duration = Duration::from_secs(5);
/// The digits of a digest that no revision has.
const NO_INPUTS: &str = "0000000000000000000000000000000000000000";

/// The removal of one release.
pub(super) struct Removal<C, H, G> {
    pub(super) shared: Arc<Shared<C, H, G>>,
    pub(super) declared: Arc<dyn DeclaredSource>,
    pub(super) id: ObjectId,
    /// Whether another HelmRelease has the same Helm release.
    pub(super) is_claimed: bool,
    /// The release goes because the HelmRelease names another one, and the HelmRelease stays.
    pub(super) leaves: Option<ReleaseName>,
}

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> Removal<C, H, G> {
    /// Works until the HelmRelease is gone, or until something is awaited.
    pub(super) async fn run(self) -> End {
        steps(MOST_ACTIONS, End::Later(UNKNOWN), || self.step()).await
    }

    async fn step(&self) -> Result<Option<End>, ClusterFailure> {
        let cluster = &self.shared.cluster;
        let live = cluster.read(&self.id).await?;
        let live = live.filter(|live| match self.leaves {
            Some(_) => !live.is_deleted,
            None => live.is_deleted && live.has_finalizer,
        });
        let Some(live) = live else {
            return Ok(Some(End::Rest));
        };
        if self.leaves.is_some() {
            return self.go_on(&live).await;
        }
        let state = self.declared.published().borrow().clone();
        match declared(state.as_deref(), &self.shared.target, &self.id) {
            Declared::Yes => return self.give_back(&live).await,
            Declared::Unknown => return Ok(Some(End::Later(UNKNOWN))),
            Declared::No => {}
        }
        self.go_on(&live).await
    }

    /// Lets the HelmRelease go, and leaves its release: sync makes the HelmRelease again. The new one does not know what the agent has
    /// begun, so an operation of the agent that was cut off is ended here; it would be awaited as somebody else's.
    async fn give_back(&self, live: &HelmRelease) -> Result<Option<End>, ClusterFailure> {
        let status = Status::read(&live.value);
        if let (true, Some(spec)) = (has_begun(&status), spec_of(live, &status)) {
            let name = spec.name();
            let stored = self.shared.cluster.stored(&name).await?;
            if self.shared.works_on(&name, &stored).await {
                return Ok(Some(End::Later(WORKED_ON)));
            }
            if let Some(newest) = stored.last().filter(|newest| newest.status.is_pending()) {
                self.shared.cluster.mark_failed(&name, newest.number).await?;
            }
        }
        self.forget(live).await
    }

    /// Uninstalls, or ends.
    async fn go_on(&self, live: &HelmRelease) -> Result<Option<End>, ClusterFailure> {
        let cluster = &self.shared.cluster;
        let mut status = Status::read(&live.value);
        status.tries = status.tries.of(INPUT);
        let is_other = |leaves: &ReleaseName| status.release(&leaves.namespace).as_ref() != Some(leaves);
        if self.leaves.as_ref().is_some_and(is_other) {
            return Ok(Some(End::Rest));
        }
        let (Some(spec), Some(inputs), false) =
            (spec_of(live, &status), InputDigest::parse(NO_INPUTS), self.is_claimed)
        else {
            return self.forget(live).await;
        };
        let name = spec.name();
        let stored = cluster.stored(&name).await?;
        let decided = next_removal(&Situation {
            spec: &spec,
            inputs: &inputs,
            stored: &stored,
            tries: &status.tries,
            began: has_begun(&status),
            is_worked_on: self.shared.works_on(&name, &stored).await,
            now: Timestamp::now(),
        });
        match decided.action {
            Action::Forget => self.forget(live).await,
            Action::Wait(wait) => Ok(Some(End::Later(wait))),
            _ => self.uninstall(live, &status, &spec, &name).await,
        }
    }

    async fn forget(&self, live: &HelmRelease) -> Result<Option<End>, ClusterFailure> {
        if self.leaves.is_some() {
            let mut status = Status::read(&live.value);
            (status.release_name, status.release_namespace) = (String::new(), String::new());
            (status.tries, status.objects, status.helm_revision) = (Tries::default(), None, None);
            self.shared.cluster.set_status(live, &status).await?;
            return Ok(Some(End::Rest));
        }
        match self.shared.cluster.set_finalizer(live, false).await {
            Err(ClusterFailure::Conflict { .. }) => Ok(None),
            other => other.map(|()| Some(End::Rest)),
        }
    }

    async fn uninstall(
        &self,
        live: &HelmRelease,
        status: &Status,
        spec: &Spec,
        name: &ReleaseName,
    ) -> Result<Option<End>, ClusterFailure> {
        let outcome = |message: String| Outcome {
            generation: live.generation,
            phase: Phase::Uninstalling,
            message,
        };
        let mut status = status.with(&outcome("helm uninstall runs".to_owned()), Timestamp::now());
        self.shared.cluster.set_status(live, &status).await?;
        let ended = self.shared.helm.uninstall(spec).await;
        self.shared.happened(Done {
            id: &self.id,
            release: name,
            action: ReleaseAction::Uninstalled,
            revision: status.helm_revision.unwrap_or_default(),
            commit: (self.shared.applied)().unwrap_or(CommitId::from_bytes([0; 20])),
            problem: ended.as_ref().err(),
        });
        if let Err(failure) = ended {
            status.tries.failures += 1;
            status.tries.failed_at = Some(Timestamp::now());
            let status = status.with(&outcome(failure.message), Timestamp::now());
            self.shared.cluster.set_status(live, &status).await?;
        }
        Ok(None)
    }
}

/// What was carried out, whatever the `spec` says by now. `None` if nothing was.
pub(super) fn spec_of(live: &HelmRelease, status: &Status) -> Option<Spec> {
    let target = live.value.pointer("/spec/targetNamespace").and_then(Value::as_str);
    let target = target.or(live.id.namespace.as_deref()).unwrap_or_default();
    let Some(name) = status.release(target) else {
        return Spec::read(&live.value, None).ok();
    };
    let timeout = live.value.pointer("/spec/timeout").cloned();
    let object = json!({
        "metadata": {"name": live.id.name, "namespace": live.id.namespace},
        "spec": {
            "chart": {"path": "chart"},
            "releaseName": name.name,
            "targetNamespace": name.namespace,
            "timeout": timeout,
        },
    });
    Spec::read(&object, None).ok()
}
