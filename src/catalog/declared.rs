use super::FileReading;
use crate::manifest::Document;
use crate::model::{CommitId, Finding, ObjectId, Position, RepoPath, Severity, TargetId};
use crate::port::{DeclaredImages, DeclaredState, TargetState, TreeFile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A declared state, and what the reader keeps beside it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) state: Arc<DeclaredState>,
    /// How many files were parsed for this reading; the others came from the cache.
    pub(super) parsed: usize,
    /// Whether two files declare the same object, so that neither declaration is applied.
    pub(super) has_duplicates: bool,
}

impl Snapshot {
    pub(super) fn gather(
        commit: CommitId,
        readings: &[(TreeFile, Arc<FileReading>)],
        images_only: &[(TreeFile, Arc<FileReading>)],
        mut findings: Vec<Finding>,
        parsed: usize,
    ) -> Self {
        let mut images = DeclaredImages::default();
        for (_, reading) in readings {
            findings.extend(reading.findings.iter().cloned());
            images.applied.extend(reading.documents.iter().cloned());
        }
        for (file, reading) in images_only {
            let warnings = reading
                .findings
                .iter()
                .filter(|finding| finding.severity == Severity::Warning);
            findings.extend(warnings.cloned());
            images.bases.extend(reading.documents.iter().cloned());
            if !reading.operations.is_empty() {
                images
                    .operations
                    .push((file.path.clone(), Arc::clone(&reading.operations)));
            }
        }
        for (_, reading) in readings.iter().chain(images_only) {
            let kustomization = reading.kustomization.clone();
            images
                .kustomizations
                .extend(reading.values.first().cloned().zip(kustomization));
            images.values.extend(reading.values.iter().cloned());
        }
        let duplicates = drop_duplicates(&mut images.applied);
        let has_duplicates = !duplicates.is_empty();
        findings.extend(duplicates);
        findings.sort();
        let blobs = readings
            .iter()
            .chain(images_only)
            .map(|(file, _)| (file.path.clone(), file.blob))
            .collect();
        let target = TargetState {
            target: TargetId::here(),
            commit,
            objects: images
                .applied
                .iter()
                .map(|document| Arc::clone(&document.object))
                .collect(),
            complete: findings.iter().all(|finding| finding.severity != Severity::Error),
            findings: findings.clone(),
        };
        let state = DeclaredState {
            commit,
            targets: BTreeMap::from([(TargetId::here(), Arc::new(target))]),
            images,
            blobs,
            findings,
        };
        Self {
            state: Arc::new(state),
            parsed,
            has_duplicates,
        }
    }
}

/// An object that two places declare is applied from neither: which one is meant, only its author knows.
fn drop_duplicates(documents: &mut Vec<Arc<Document>>) -> Vec<Finding> {
    let mut places: BTreeMap<ObjectId, Vec<(RepoPath, Position)>> = BTreeMap::new();
    for document in documents.iter() {
        places
            .entry(document.object.id.clone())
            .or_default()
            .push((document.path().clone(), document.position));
    }
    places.retain(|_, places| places.len() > 1);
    let duplicates: BTreeSet<&ObjectId> = places.keys().collect();
    documents.retain(|document| !duplicates.contains(&document.object.id));
    places
        .into_iter()
        .filter_map(|(object, places)| {
            let ((path, position), others) = places.split_first()?;
            let others: Vec<String> = others
                .iter()
                .map(|(path, position)| format!("{path}:{}", position.line))
                .collect();
            Some(Finding {
                path: path.clone(),
                position: Some(*position),
                object: Some(object),
                severity: Severity::Error,
                message: format!(
                    "declared again in {}; applied from neither, remove one of them",
                    others.join(", ")
                ),
            })
        })
        .collect()
}
