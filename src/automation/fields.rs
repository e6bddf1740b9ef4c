use crate::catalog::MAX_FILE_BYTES;
use crate::history::{Mark, Said};
use crate::manifest;
use crate::model::{BlobId, FieldId, RepoPath};
use crate::port::{ConfigRepo, FileChange, RepoFailure};
use std::collections::{HashMap, HashSet};

/// The image fields of files as they were; what was read lately is remembered.
#[derive(Debug, Default)]
pub(super) struct Fields {
    young: Generation,
    old: Generation,
    parsed: usize,
}

type Version = (RepoPath, BlobId);
type Generation = HashMap<Version, Vec<(FieldId, Said)>>;

/// Versions of a generation; two are kept. A version has a field or two, of a few hundred bytes.
const GENERATION: usize = 8192;
/// Contents in memory at once: at most 4 MiB each, in practice a few kilobytes.
const IN_MEMORY: usize = 256;

impl Fields {
    /// Files parsed until now.
    pub(super) fn parsed(&self) -> usize {
        self.parsed
    }

    /// The fields of a version that was loaded by the last [`Fields::load`]; none for a file that is not there.
    pub(super) fn of(&self, path: &RepoPath, blob: Option<BlobId>) -> Vec<(FieldId, Said)> {
        let version = blob.map(|blob| (path.clone(), blob));
        let found = version.and_then(|version| self.young.get(&version).or_else(|| self.old.get(&version)));
        found.cloned().unwrap_or_default()
    }

    /// Reads both versions of each changed file that may be a manifest.
    pub(super) async fn load(&mut self, repo: &impl ConfigRepo, changes: &[&FileChange]) -> Result<(), RepoFailure> {
        let wanted = self.unknown(changes);
        for batch in wanted.chunks(IN_MEMORY) {
            let blobs = batch.iter().map(|(_, blob)| *blob).collect();
            let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
            let batch = batch.to_vec();
            let read = tokio::task::spawn_blocking(move || read_all(batch, contents)).await;
            let (read, parsed) = read.unwrap_or_default();
            self.young.extend(read);
            self.parsed += parsed;
        }
        Ok(())
    }

    fn unknown(&mut self, changes: &[&FileChange]) -> Vec<Version> {
        if self.young.len() > GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let mut wanted = Vec::new();
        let mut seen = HashSet::new();
        for change in changes.iter().filter(|change| is_yaml(&change.path)) {
            for blob in [change.before, change.after].into_iter().flatten() {
                let version = (change.path.clone(), blob);
                if self.young.contains_key(&version) || !seen.insert(version.clone()) {
                    continue;
                }
                match self.old.remove_entry(&version) {
                    Some((version, fields)) => drop(self.young.insert(version, fields)),
                    None => wanted.push(version),
                }
            }
        }
        wanted
    }
}

/// The versions' fields, and how many of them took a parser: nothing is wanted here of a file but its images.
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

fn fields(path: &RepoPath, bytes: &[u8]) -> Vec<(FieldId, Said)> {
    let reading = manifest::read(path, bytes);
    let documents = reading.documents.iter().chain(&reading.values);
    let fields = documents.flat_map(|document| {
        document.images.iter().map(|image| {
            let field = FieldId {
                object: document.object.id.clone(),
                field: image.field.clone(),
            };
            let said = Said {
                image: image.image.name().to_owned(),
                mark: Mark::of(&image.image),
            };
            (field, said)
        })
    });
    fields.collect()
}

pub(super) fn is_yaml(path: &RepoPath) -> bool {
    let name = path.file_name();
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) || name == "Kustomization"
}
