use super::assign::{Assigned, TargetPaths};
use super::reading::FileReading;
use super::substitution::{Fingerprint, Substitution};
use super::{argo_cd, flux_v2};
use crate::model::{BlobId, CommitId, ObjectId, RepoPath};
use crate::port::{DeclaredState, TargetState, TreeFile};
use crate::resource::Object;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A declared state, and what the reader knows about it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) state: Arc<DeclaredState>,
    /// How many files were parsed for this reading. The other files came from the cache.
    pub(super) parsed: usize,
    has_duplicates: bool,
    has_foreign: bool,
}

/// A manifest file with new content.
pub(super) struct Changed {
    pub(super) file: TreeFile,
    /// What the file held before; `None` for a new file.
    pub(super) before: Option<Arc<FileReading>>,
    pub(super) after: Arc<FileReading>,
}

impl Snapshot {
    /// The state of a commit whose files were all looked at.
    pub(super) fn of(
        commit: CommitId,
        assigned: Assigned,
        blobs: BTreeMap<RepoPath, BlobId>,
        variables: Fingerprint,
        parsed: usize,
    ) -> Self {
        let Assigned {
            targets,
            images,
            findings,
            has_duplicates,
            has_foreign,
        } = assigned;
        let state = DeclaredState {
            commit,
            targets,
            images,
            blobs,
            variables,
            findings,
        };
        Self {
            state: Arc::new(state),
            parsed,
            has_duplicates,
            has_foreign,
        }
    }

    /// The state of a commit that differs in a few manifest files only. `None` where more than these files is concerned:
    /// objects that are declared twice, kustomizations (those of Flux v2, too), values with markers, objects with variables.
    pub(super) fn patched(
        &self,
        targets: &[TargetPaths],
        commit: CommitId,
        changed: &[Changed],
        substitution: &Substitution,
        parsed: usize,
    ) -> Option<Self> {
        let is_plain = |reading: &FileReading| {
            reading.values.is_empty()
                && reading.kustomization.is_none()
                && !reading.encrypted
                && !flux_v2::is_in(reading)
                && !argo_cd::is_in(reading)
                && !substitution.concerns(reading.documents.iter().map(|document| &document.object))
        };
        let mut readings = changed
            .iter()
            .flat_map(|changed| changed.before.iter().chain([&changed.after]));
        let is_known =
            |changed: &Changed| changed.before.is_some() == self.state.blobs.contains_key(&changed.file.path);
        if self.has_duplicates
            || self.has_foreign
            || !readings.all(|reading| is_plain(reading))
            || !changed.iter().all(is_known)
        {
            return None;
        }
        let mut state = DeclaredState {
            commit,
            ..DeclaredState::clone(&self.state)
        };
        for Changed { file, after, .. } in changed {
            let documents = &mut state.images.applied;
            let start = documents.partition_point(|document| *document.path() < file.path);
            let end = documents.partition_point(|document| *document.path() <= file.path);
            documents.splice(start..end, after.documents.iter().cloned());
            state.findings.retain(|finding| finding.path != file.path);
            state.findings.extend(after.findings.iter().cloned());
            state.blobs.insert(file.path.clone(), file.blob);
        }
        state.findings.sort();
        for target in targets {
            let before = state.targets.get(&target.target)?;
            let after = patched_target(target, before, commit, changed)?;
            state.targets.insert(target.target.clone(), Arc::new(after));
        }
        Some(Self {
            state: Arc::new(state),
            parsed,
            has_duplicates: false,
            has_foreign: false,
        })
    }
}

fn patched_target(
    target: &TargetPaths,
    before: &TargetState,
    commit: CommitId,
    changed: &[Changed],
) -> Option<TargetState> {
    let changed: Vec<&Changed> = changed
        .iter()
        .filter(|changed| target.covers(&changed.file.path))
        .collect();
    let mut objects = before.objects.clone();
    let mut findings = before.findings.clone();
    for Changed { file, after, .. } in &changed {
        let start = objects.partition_point(|object| *object.origin.path() < file.path);
        let end = objects.partition_point(|object| *object.origin.path() <= file.path);
        let written = after.documents.iter().map(|document| Arc::clone(&document.object));
        objects.splice(start..end, written);
        findings.retain(|finding| finding.path != file.path);
        findings.extend(after.findings.iter().cloned());
    }
    let mut written = changed.iter().flat_map(|changed| &changed.after.documents);
    written
        .all(|document| is_once(&objects, &document.object.id))
        .then(|| target.state(commit, objects, findings, Arc::clone(&before.units)))
}

fn is_once(objects: &[Arc<Object>], id: &ObjectId) -> bool {
    let same = objects
        .iter()
        .filter(|other| other.id.name == id.name && other.id == *id);
    same.count() == 1
}
