//! What all jobs share, and what every job does.

use super::end::End;
use super::memory::Memories;
use super::parts::SyncPoint;
use crate::model::{CommitId, ObjectId, TargetId};
use crate::notice::{ReleaseAction, ReleaseEvent, Reporter};
use crate::port::{ClusterFailure, HelmFailure, HelmProgram};
use crate::release::{ReleaseName, Revision};
use std::sync::Arc;

/// What all jobs share.
pub(super) struct Shared<C, H, G> {
    pub(super) target: TargetId,
    pub(super) cluster: Arc<C>,
    pub(super) helm: Arc<H>,
    pub(super) repo: Arc<G>,
    pub(super) reporter: Reporter,
    /// The commit that the cluster is at; `None` while a sync pass runs.
    pub(super) applied: SyncPoint,
    /// What is known of the releases' objects.
    pub(super) memory: Memories,
}

/// What helm did to a release of a HelmRelease.
pub(super) struct Done<'a> {
    pub(super) id: &'a ObjectId,
    pub(super) release: &'a ReleaseName,
    pub(super) action: ReleaseAction,
    pub(super) revision: u32,
    pub(super) commit: CommitId,
    /// Why helm did not do it.
    pub(super) problem: Option<&'a HelmFailure>,
}

impl<C, H: HelmProgram, G> Shared<C, H, G> {
    /// Whether a helm process of an earlier agent still works on the release. Only a pending revision is a reason to look.
    pub(super) async fn works_on(&self, release: &ReleaseName, stored: &[Revision]) -> bool {
        let is_pending = stored.last().is_some_and(|newest| newest.status.is_pending());
        is_pending && self.helm.works_on(release).await
    }

    pub(super) fn happened(&self, done: Done<'_>) {
        self.reporter.happened((
            self.target.clone(),
            ReleaseEvent::Happened {
                id: done.id.clone(),
                release: done.release.to_string(),
                action: done.action,
                revision: done.revision,
                commit: done.commit,
                problem: done.problem.map(|failure| failure.message.clone()),
            },
        ));
    }
}

/// Takes steps until one of them says how the job ends, `most` at most; then the job ends with `otherwise`.
pub(super) async fn steps<F: Future<Output = Result<Option<End>, ClusterFailure>>>(
    most: usize,
    otherwise: End,
    step: impl Fn() -> F,
) -> End {
    for _ in 0..most {
        match step().await {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            Err(failure) => return End::Failed(failure.to_string()),
        }
    }
    otherwise
}
