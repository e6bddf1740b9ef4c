//! The image fields of files in old commits.

use crate::driver::blocking;
use crate::history::{FieldValue, ImageVersion};
use crate::manifest::{self, MAX_FILE_BYTES};
use crate::model::{BlobId, FieldId, RepoPath};
use crate::port::{ConfigRepo, FileChange, RepoFailure, RepoProblem};
use std::collections::{HashMap, HashSet};

/// The image fields of file versions. Versions that were read lately are kept in two generations.
#[derive(Debug, Default)]
pub(super) struct FileVersions {
    young: Generation,
    old: Generation,
    parsed: usize,
}

type Version = (RepoPath, BlobId);
type Generation = HashMap<Version, Vec<(FieldId, FieldValue)>>;

/// Versions in a generation: some commits for each of a thousand files. A version has a field or two, of a few hundred bytes.
const GENERATION: usize = 2048;
/// File contents in memory at once: 16 of at most 4 MiB are 64 MiB. In practice a file has a few kilobytes.
const IN_MEMORY: usize = 16;

impl FileVersions {
    /// How many versions have been parsed so far.
    pub(super) fn parsed(&self) -> usize {
        self.parsed
    }

    /// The fields of a version that the last [`FileVersions::load`] loaded; none for a file that does not exist.
    pub(super) fn fields(&self, path: &RepoPath, blob: Option<BlobId>) -> Vec<(FieldId, FieldValue)> {
        let version = blob.map(|blob| (path.clone(), blob));
        let found = version.and_then(|version| self.young.get(&version).or_else(|| self.old.get(&version)));
        found.cloned().unwrap_or_default()
    }

    /// Forgets all versions: after a long reading they take megabytes, and the next commit needs two.
    pub(super) fn forget(&mut self) {
        (self.young, self.old) = (Generation::new(), Generation::new());
    }

    /// Loads both versions of each changed file that may be a manifest.
    ///
    /// # Errors
    /// The contents could not be read, or the thread that parses them ended early. Without their fields a bump or its revert
    /// would be missing from the history, and a hold would vanish.
    pub(super) async fn load(&mut self, repo: &impl ConfigRepo, changes: &[&FileChange]) -> Result<(), RepoFailure> {
        let missing = self.missing(changes);
        for batch in missing.chunks(IN_MEMORY) {
            let blobs = batch.iter().map(|(_, blob)| *blob).collect();
            let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
            let batch = batch.to_vec();
            let read = blocking(move || read_all(batch, contents)).await;
            let (read, parsed) = read.map_err(|error| RepoFailure {
                problem: RepoProblem::Other,
                message: format!("the history's files could not be parsed: {error}; the next pass reads them again"),
            })?;
            self.young.extend(read);
            self.parsed += parsed;
        }
        Ok(())
    }

    /// The versions to load. Versions of the old generation that are needed again move to the young one.
    fn missing(&mut self, changes: &[&FileChange]) -> Vec<Version> {
        if self.young.len() > GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let mut missing = Vec::new();
        let mut seen = HashSet::new();
        for change in changes.iter().filter(|change| is_yaml(&change.path)) {
            for blob in [change.before, change.after].into_iter().flatten() {
                let version = (change.path.clone(), blob);
                if self.young.contains_key(&version) || !seen.insert(version.clone()) {
                    continue;
                }
                match self.old.remove_entry(&version) {
                    Some((version, fields)) => drop(self.young.insert(version, fields)),
                    None => missing.push(version),
                }
            }
        }
        missing
    }
}

/// The fields of each version, and how many versions needed the parser. A version that the parser panics on has no fields:
/// one broken file must not stop the reading of the history.
fn read_all(versions: Vec<Version>, contents: Vec<Option<Vec<u8>>>) -> (Generation, usize) {
    let mut parsed = 0;
    let read = versions.into_iter().zip(contents).map(|(version, content)| {
        let path = version.0.clone();
        let fields = content
            .filter(|bytes| manifest::may_hold_images(&path, bytes))
            .and_then(|bytes| {
                parsed += 1;
                std::panic::catch_unwind(move || fields(&path, &bytes)).ok()
            });
        (version, fields.unwrap_or_default())
    });
    (read.collect(), parsed)
}

pub(super) fn fields(path: &RepoPath, bytes: &[u8]) -> Vec<(FieldId, FieldValue)> {
    let reading = manifest::read(path, bytes);
    let documents = reading.documents.iter().chain(&reading.values);
    let fields = documents.flat_map(|document| {
        document.images.iter().map(|image| {
            let field = FieldId {
                object: document.object.id.clone(),
                field: image.field.clone(),
            };
            let value = FieldValue {
                image: image.image.name().to_owned(),
                version: ImageVersion::of(&image.image),
            };
            (field, value)
        })
    });
    fields.collect()
}

/// Whether a file's name is one that manifests have.
pub(super) fn is_yaml(path: &RepoPath) -> bool {
    let name = path.file_name();
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) || name == "Kustomization"
}
