use super::{Declared, DeclaredObject, FileReading};
use crate::model::{CommitId, Severity};
use crate::port::TreeFile;
use std::sync::Arc;

/// A manifest file with new content.
pub(super) struct Changed {
    pub(super) file: TreeFile,
    /// What it said; `None` if it was not there.
    pub(super) before: Option<Arc<FileReading>>,
    pub(super) after: Arc<FileReading>,
}

impl Declared {
    /// The declared state after a few manifest files were written. `None` where more than these files is concerned:
    /// objects that are declared twice, kustomizations, values with markers.
    pub(super) fn patched(&self, commit: CommitId, changed: &[Changed], parsed: usize) -> Option<Declared> {
        let is_plain = |reading: &FileReading| reading.values.is_empty() && reading.kustomization.is_none();
        let mut readings = changed
            .iter()
            .flat_map(|changed| changed.before.iter().chain([&changed.after]));
        let is_known = |changed: &Changed| changed.before.is_some() == self.blobs.contains_key(&changed.file.path);
        if self.has_twins || !readings.all(|reading| is_plain(reading)) || !changed.iter().all(is_known) {
            return None;
        }
        let mut patched = Declared {
            commit,
            parsed,
            ..self.clone()
        };
        for Changed { file, after, .. } in changed {
            let start = patched.objects.partition_point(|object| object.path < file.path);
            let end = patched.objects.partition_point(|object| object.path <= file.path);
            let objects = after.documents.iter().map(|document| DeclaredObject {
                path: file.path.clone(),
                document: Arc::clone(document),
            });
            patched.objects.splice(start..end, objects);
            patched.findings.retain(|finding| finding.path != file.path);
            patched.findings.extend(after.findings.iter().cloned());
            patched.blobs.insert(file.path.clone(), file.blob);
        }
        let mut written = changed.iter().flat_map(|changed| &changed.after.documents);
        let is_once = |object: &crate::model::ObjectId| {
            let same = patched
                .objects
                .iter()
                .filter(|other| other.document.object.name == object.name && other.document.object == *object);
            same.count() == 1
        };
        if !written.all(|document| is_once(&document.object)) {
            return None;
        }
        patched.findings.sort();
        patched.complete = patched
            .findings
            .iter()
            .all(|finding| finding.severity != Severity::Error);
        Some(patched)
    }
}
