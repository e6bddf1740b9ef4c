//! Begins the jobs of the loop, and takes note of their ends.

use super::audit::Audit;
use super::claims::Claim;
use super::drift;
use super::end::End;
use super::release_loop::{AT_ONCE, FAILED, ReleaseLoop};
use super::removal::{self, Removal};
use super::settled::problem;
use crate::model::ObjectId;
use crate::port::{ConfigRepo, HelmProgram, ReleaseCluster, ReleaseView};
use crate::release::{ReleaseName, Revision};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// After a job that found nothing to do yet: the watches have shown by then what the job has read.
const PAUSE: Duration = Duration::from_secs(2);

impl<C: ReleaseCluster, H: HelmProgram, G: ConfigRepo> ReleaseLoop<C, H, G> {
    pub(super) fn take_ended(&mut self) {
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
    pub(super) fn is_free(&self, id: &ObjectId, input: &str) -> bool {
        let is_due = self.due.get(id).is_none_or(|(_, known)| known != input);
        is_due && !self.busy.contains_key(id) && self.busy.len() < AT_ONCE
    }

    /// Looks at the objects of a release on which nobody works, if the watches show that one of them has changed.
    pub(super) fn audit(&mut self, claim: &Claim, name: &ReleaseName, newest: Option<&Revision>, view: &ReleaseView) {
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

    pub(super) fn begin(&mut self, id: ObjectId, input: String, work: impl Future<Output = End> + Send + 'static) {
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

    /// Begins the removal of the release that a HelmRelease named before. The new one is made when the old one is gone.
    pub(super) fn leave(&mut self, claim: &Claim, before: &ReleaseName) -> Option<String> {
        let id = &claim.release.id;
        let input = format!("{} {before}", removal::INPUT);
        if self.is_free(id, &input) {
            let work = Removal {
                shared: Arc::clone(self.shared.as_ref()?),
                declared: Arc::clone(&self.parts.declared),
                id: id.clone(),
                is_claimed: false,
                leaves: Some(before.clone()),
            };
            work.shared.memory.forget(id);
            self.begin(id.clone(), input, work.run());
        }
        let failures = claim.status.tries.failures;
        let failed = (failures > 0).then(|| {
            claim
                .status
                .conditions
                .first()
                .map(|condition| condition.message.clone())
        });
        failed.flatten()
    }

    /// Begins the removal of a release.
    pub(super) fn remove(&mut self, claim: &Claim, claims: &BTreeMap<ObjectId, Claim>) -> Option<String> {
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
                leaves: None,
            };
            work.shared.memory.forget(&release.id);
            self.begin(release.id.clone(), removal::INPUT.to_owned(), work.run());
        }
        (claim.status.tries.failures > 0)
            .then(|| problem(&claim.status))
            .flatten()
    }

    /// When the loop has to look without being woken.
    pub(super) fn next_due(&self) -> Option<Duration> {
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
