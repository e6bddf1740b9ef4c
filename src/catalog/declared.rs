use super::FileReading;
use crate::manifest::{Document, Kustomization};
use crate::model::{BlobId, CommitId, Finding, ObjectId, RepoPath, Severity};
use crate::port::TreeFile;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The declared state at one commit.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The commit.
    pub commit: CommitId,
    /// The objects, ordered by path and place.
    pub objects: Vec<DeclaredObject>,
    /// What is read for its image fields only.
    pub beside: Beside,
    /// What could not be used.
    pub findings: Vec<Finding>,
    /// Whether everything was read: only then may absence be concluded from it.
    pub complete: bool,
    /// How many files were parsed for this reading; the others came from the cache.
    pub parsed: usize,
    /// The blob of each manifest file.
    pub blobs: BTreeMap<RepoPath, BlobId>,
    /// Whether an object is declared in two places, and so from neither.
    pub has_twins: bool,
}

/// What holds image fields and is never applied.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Kustomizations, and values files with markers.
    pub values: Vec<DeclaredObject>,
    /// What each of the kustomizations among them is made of.
    pub kustomizations: Vec<(DeclaredObject, Arc<Kustomization>)>,
    /// The objects in folders with a kustomization.
    pub bases: Vec<DeclaredObject>,
    /// The images that patches of operations set there, as JSON pointers.
    pub operations: Vec<(RepoPath, Arc<FileReading>)>,
}

/// One declared object.
#[derive(Debug, Clone)]
pub struct DeclaredObject {
    /// The file it stands in.
    pub path: RepoPath,
    /// What it says: the same allocation from one commit to the next while its file keeps its bytes.
    pub document: Arc<Document>,
}

impl Declared {
    pub(super) fn gather(
        commit: CommitId,
        readings: &[(TreeFile, Arc<FileReading>)],
        images_only: &[(TreeFile, Arc<FileReading>)],
        mut findings: Vec<Finding>,
        parsed: usize,
    ) -> Self {
        let mut objects = Vec::new();
        for (file, reading) in readings {
            findings.extend(reading.findings.iter().cloned());
            objects.extend(reading.documents.iter().map(|document| DeclaredObject {
                path: file.path.clone(),
                document: Arc::clone(document),
            }));
        }
        let mut beside = Beside::default();
        for (file, reading) in images_only {
            let told = reading
                .findings
                .iter()
                .filter(|finding| finding.severity == Severity::Warning);
            findings.extend(told.cloned());
            beside.bases.extend(declared(file, &reading.documents));
            if !reading.operations.is_empty() {
                beside.operations.push((file.path.clone(), Arc::clone(reading)));
            }
        }
        for (file, reading) in readings.iter().chain(images_only) {
            let values: Vec<DeclaredObject> = declared(file, &reading.values).collect();
            let kustomization = reading.kustomization.clone();
            beside.kustomizations.extend(values.first().cloned().zip(kustomization));
            beside.values.extend(values);
        }
        let twins = drop_twins(&mut objects);
        let has_twins = !twins.is_empty();
        findings.extend(twins);
        findings.sort();
        let complete = findings.iter().all(|finding| finding.severity != Severity::Error);
        let blobs = readings
            .iter()
            .chain(images_only)
            .map(|(file, _)| (file.path.clone(), file.blob))
            .collect();
        Self {
            commit,
            objects,
            beside,
            findings,
            complete,
            parsed,
            blobs,
            has_twins,
        }
    }
}

fn declared<'a>(file: &'a TreeFile, documents: &'a [Arc<Document>]) -> impl Iterator<Item = DeclaredObject> + 'a {
    documents.iter().map(|document| DeclaredObject {
        path: file.path.clone(),
        document: Arc::clone(document),
    })
}

/// An object that two places declare is applied from neither: which one is meant, only its author knows.
fn drop_twins(objects: &mut Vec<DeclaredObject>) -> Vec<Finding> {
    let mut places: BTreeMap<ObjectId, Vec<(RepoPath, crate::model::Position)>> = BTreeMap::new();
    for object in objects.iter() {
        places
            .entry(object.document.object.clone())
            .or_default()
            .push((object.path.clone(), object.document.position));
    }
    places.retain(|_, places| places.len() > 1);
    objects.retain(|object| !places.contains_key(&object.document.object));
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
