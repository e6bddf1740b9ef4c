//! What the config repo declares at a commit, as plain data.
//!
//! The `source` room makes these values; the loops `sync` and `automation` read them. They stand here, below the loops,
//! since no loop imports another one. `sync` reads its [`TargetState`] and sees neither files nor image fields.

use super::repo::RepoFailure;
use crate::manifest::{Document, Kustomization, Operation};
use crate::model::{BlobId, CommitId, ConfigBranch, Finding, RepoPath, Severity, TargetId};
use crate::plan::OverlayFields;
use crate::resource::{Object, Suspended};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// What a commit declares.
#[derive(Debug, Clone)]
pub struct DeclaredState {
    /// The commit.
    pub commit: CommitId,
    /// What each target applies.
    pub targets: BTreeMap<TargetId, Arc<TargetState>>,
    /// Where the commit names images.
    pub images: DeclaredImages,
    /// The blob of each file that was read.
    pub blobs: BTreeMap<RepoPath, BlobId>,
    /// Stands for the variables that were replaced in the objects; `None` if there are none.
    pub variables: Option<[u8; 32]>,
    /// What could not be used, of all targets, in order and each once.
    pub findings: Vec<Finding>,
}

/// What one target applies at a commit.
#[derive(Debug, Clone)]
pub struct TargetState {
    /// The target.
    pub target: TargetId,
    /// The commit.
    pub commit: CommitId,
    /// The objects, ordered by path and position: the same allocation from one commit to the next while an object's
    /// files keep their bytes.
    pub objects: Vec<Arc<Object>>,
    /// What could not be used of the target's paths.
    pub findings: Vec<Finding>,
    /// The folders whose objects are rendered. A folder stands here twice while it is only a part of others, and nothing of it
    /// is applied by itself.
    pub units: Arc<[RepoPath]>,
    /// Whether everything below the target's paths was read. Only a complete state says that an absent object is gone.
    pub complete: bool,
    /// The Kustomizations of Flux v2 whose objects stay as they are.
    pub suspended: Suspended,
}

/// The documents of a commit that may hold image fields.
#[derive(Debug, Clone, Default)]
pub struct DeclaredImages {
    /// The documents of objects that a target applies, ordered by path and position.
    pub applied: Vec<Arc<Document>>,
    /// The documents in folders with a kustomization: objects and patches.
    pub bases: Vec<Arc<Document>>,
    /// Kustomizations, and values files with markers.
    pub values: Vec<Arc<Document>>,
    /// Each kustomization among the values, with what it is made of.
    pub kustomizations: Vec<(Arc<Document>, Arc<Kustomization>)>,
    /// The files of operations (RFC 6902) in folders with a kustomization.
    pub operations: Vec<(RepoPath, Arc<[Operation]>)>,
    /// All files that were read in folders with a kustomization.
    pub files: BTreeSet<RepoPath>,
    /// Those of them of which a part was not read.
    pub incomplete: BTreeSet<RepoPath>,
    /// The branch that the agent follows, if it is known.
    pub own: Option<Arc<ConfigBranch>>,
    /// The image fields of these folders, found once for all commits that do not touch them.
    pub overlays: Arc<OnceLock<OverlayFields>>,
}

impl DeclaredState {
    /// What a target applies; `None` for a target that has no paths in the config repo.
    pub fn target(&self, target: &TargetId) -> Option<&Arc<TargetState>> {
        self.targets.get(target)
    }

    /// Whether another reading of the same commit says the same. It may differ while the files do not: a program that failed may
    /// succeed, and variables change.
    pub fn is_as(&self, other: &Self) -> bool {
        self.commit == other.commit && self.findings == other.findings && self.variables == other.variables
    }

    /// How many objects all targets apply together.
    pub fn objects(&self) -> usize {
        self.targets.values().map(|target| target.objects.len()).sum()
    }
}

impl TargetState {
    /// What is not read as manifests: the folder of each chart and kustomization (twice that of a mere base), and the file of
    /// each document that is no object.
    pub fn skipped(&self) -> impl Iterator<Item = &RepoPath> {
        let is_skipped = |finding: &&Finding| finding.object.is_none() && finding.severity != Severity::Warning;
        let skipped = self.findings.iter().filter(is_skipped).map(|finding| &finding.path);
        skipped.chain(self.units.iter())
    }
}

impl DeclaredImages {
    /// All documents: applied objects, then those in kustomization folders, then values.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.applied.iter().chain(&self.bases).chain(&self.values)
    }
}

/// Reads what commits declare. The `source` room has the implementation.
pub trait DeclaredSource: Send + Sync + 'static {
    /// Follows the state of the branch's head; `None` until the first head is read.
    fn published(&self) -> watch::Receiver<Option<Arc<DeclaredState>>>;

    /// What a commit declares. A commit that is published is not waited for.
    ///
    /// # Errors
    /// The commit could not be read as a whole.
    fn at(&self, commit: CommitId) -> BoxFuture<'_, Result<Arc<DeclaredState>, RepoFailure>>;
}
