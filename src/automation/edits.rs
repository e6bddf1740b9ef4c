use crate::catalog::{Declared, MAX_FILE_BYTES};
use crate::manifest::{self, Refused, TagChange};
use crate::model::RepoPath;
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, FileEdit, RepoFailure};
use std::collections::BTreeMap;

/// The files' new bytes, and the files whose edit was refused.
pub(super) struct Edits {
    pub(super) files: Vec<FileEdit>,
    pub(super) refused: Vec<(RepoPath, String)>,
}

/// Writes each bump's tag (and digest, where it is pinned) into the bytes of its file; a refused file keeps its bytes and its bumps are not made.
pub(super) async fn make(
    repo: &impl ConfigRepo,
    declared: &Declared,
    bumps: &[PlannedBump],
) -> Result<Edits, RepoFailure> {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for bump in bumps {
        changes.entry(&bump.path).or_default().push(TagChange {
            object: bump.field.object.clone(),
            field: bump.field.field.clone(),
            tag: bump.to.clone(),
            digest: bump.digest.clone().filter(|_| bump.pinned),
        });
    }
    let files: Vec<_> = changes
        .into_iter()
        .filter_map(|(path, changes)| declared.blobs.get(path).map(|blob| (path, *blob, changes)))
        .collect();
    let contents = repo
        .blobs(files.iter().map(|(_, blob, _)| *blob).collect(), MAX_FILE_BYTES)
        .await?;
    let mut edits = Edits {
        files: Vec::new(),
        refused: Vec::new(),
    };
    for ((path, from, changes), content) in files.into_iter().zip(contents) {
        let edited = content
            .ok_or_else(|| format!("{path}: not edited: the file is too large"))
            .and_then(|bytes| {
                manifest::set_tags(path, &bytes, &changes).map_err(|refused: Refused| refused.to_string())
            });
        match edited {
            Ok(bytes) => edits.files.push(FileEdit {
                path: path.clone(),
                from,
                bytes,
            }),
            Err(reason) => edits.refused.push((path.clone(), reason)),
        }
    }
    Ok(edits)
}
