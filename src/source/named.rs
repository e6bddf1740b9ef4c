//! What files that name other files say: kustomizations, and the configurations of plugins.

use super::reading::{BATCH, unreadable};
use crate::manifest::{KustomizationFiles, MAX_FILE_BYTES, read_kustomization_files, read_plugin_files};
use crate::model::BlobId;
use crate::port::{ConfigRepo, RepoFailure, TreeFile};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What the files that name other files say, by the files' bytes and purposes. Kept from one commit to the next.
#[derive(Debug, Default)]
pub(super) struct Named(HashMap<(BlobId, Purpose), Arc<Parsed>>);

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// A kustomization.
    Kustomization,
    /// The configuration of a plugin, under this key.
    Plugin(&'static str),
}

/// What a file names, or why it cannot be read.
pub(super) type Parsed = Result<KustomizationFiles, String>;

impl Named {
    /// What a file says that was loaded.
    ///
    /// # Errors
    /// The repository did not give the file's content.
    pub(super) fn of(&self, file: &TreeFile, purpose: Purpose) -> Result<&Parsed, RepoFailure> {
        let parsed = self.0.get(&(file.blob, purpose)).map(|parsed| &**parsed);
        parsed.ok_or_else(|| unreadable(&file.path, "its content was not given"))
    }

    /// Reads files that are not known yet, and takes over from `known` those that are.
    pub(super) async fn load(
        &mut self,
        repo: &impl ConfigRepo,
        files: Vec<(&TreeFile, Purpose)>,
        known: &Named,
    ) -> Result<(), RepoFailure> {
        let mut unknown = BTreeSet::new();
        for (file, purpose) in files {
            let key = (file.blob, purpose);
            match known.0.get(&key) {
                _ if self.0.contains_key(&key) => {}
                Some(parsed) => drop(self.0.insert(key, Arc::clone(parsed))),
                None => drop(unknown.insert(key)),
            }
        }
        let unknown: Vec<(BlobId, Purpose)> = unknown.into_iter().collect();
        for batch in unknown.chunks(BATCH) {
            let blobs = batch.iter().map(|(blob, _)| *blob).collect();
            let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
            for (key, content) in batch.iter().zip(contents) {
                self.0.insert(*key, Arc::new(parsed(key.1, content)));
            }
        }
        Ok(())
    }
}

fn parsed(purpose: Purpose, content: Option<Vec<u8>>) -> Parsed {
    match (content, purpose) {
        (None, _) => Err(format!("is larger than {} MiB", MAX_FILE_BYTES >> 20)),
        (Some(bytes), Purpose::Kustomization) => read_kustomization_files(&bytes),
        (Some(bytes), Purpose::Plugin(key)) => Ok(KustomizationFiles {
            references: read_plugin_files(key, &bytes),
            ..KustomizationFiles::default()
        }),
    }
}
