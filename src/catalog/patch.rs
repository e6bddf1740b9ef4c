use super::FileReading;
use super::declared::Snapshot;
use crate::model::{CommitId, ObjectId, Severity, TargetId};
use crate::port::{DeclaredState, TargetState, TreeFile};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A manifest file with new content.
pub(super) struct Changed {
    pub(super) file: TreeFile,
    /// What it said; `None` if it was not there.
    pub(super) before: Option<Arc<FileReading>>,
    pub(super) after: Arc<FileReading>,
}

impl Snapshot {
    /// The declared state after a few manifest files were written. `None` where more than these files is concerned:
    /// objects that are declared twice, kustomizations, values with markers.
    pub(super) fn patched(&self, commit: CommitId, changed: &[Changed], parsed: usize) -> Option<Self> {
        let is_plain = |reading: &FileReading| reading.values.is_empty() && reading.kustomization.is_none();
        let mut readings = changed
            .iter()
            .flat_map(|changed| changed.before.iter().chain([&changed.after]));
        let is_known =
            |changed: &Changed| changed.before.is_some() == self.state.blobs.contains_key(&changed.file.path);
        if self.has_duplicates || !readings.all(|reading| is_plain(reading)) || !changed.iter().all(is_known) {
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
        let mut written = changed.iter().flat_map(|changed| &changed.after.documents);
        let is_once = |id: &ObjectId| {
            let applied = state.images.applied.iter().map(|document| &document.object.id);
            applied.filter(|other| other.name == id.name && *other == id).count() == 1
        };
        if !written.all(|document| is_once(&document.object.id)) {
            return None;
        }
        state.findings.sort();
        let target = TargetState {
            target: TargetId::here(),
            commit,
            objects: state
                .images
                .applied
                .iter()
                .map(|document| Arc::clone(&document.object))
                .collect(),
            complete: state.findings.iter().all(|finding| finding.severity != Severity::Error),
            findings: state.findings.clone(),
        };
        state.targets = BTreeMap::from([(TargetId::here(), Arc::new(target))]);
        Some(Self {
            state: Arc::new(state),
            parsed,
            has_duplicates: false,
        })
    }
}
