use crate::catalog::{Declared, MAX_FILE_BYTES};
use crate::manifest::{self, TagChange};
use crate::model::{FieldId, RepoPath};
use crate::plan::PlannedBump;
use crate::port::{ConfigRepo, FileEdit, RepoFailure};
use std::collections::BTreeMap;

/// The files' new bytes, and the bumps that could not be written.
pub(super) struct Edits {
    pub(super) files: Vec<FileEdit>,
    pub(super) refused: Vec<Unwritten>,
}

/// A bump whose place in the file cannot be edited with certainty.
pub(super) struct Unwritten {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    pub(super) reason: String,
}

/// Writes each bump's tag (and digest, where it is pinned) into the bytes of its file. A bump that is refused leaves its
/// bytes as they are and does not keep the others of its file from being made.
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
        let (bytes, refused) = match content {
            Some(bytes) => write(path, bytes, changes),
            None => {
                let reason = format!("{path}: not edited: the file is too large");
                (
                    None,
                    changes.into_iter().map(|change| (change, reason.clone())).collect(),
                )
            }
        };
        edits.files.extend(bytes.map(|bytes| FileEdit {
            path: path.clone(),
            from,
            bytes,
        }));
        edits
            .refused
            .extend(refused.into_iter().map(|(change, reason)| Unwritten {
                path: path.clone(),
                field: FieldId {
                    object: change.object,
                    field: change.field,
                },
                reason,
            }));
    }
    Ok(edits)
}

/// The file with all changes; where they are refused together, with as many as can be made one after another.
fn write(path: &RepoPath, bytes: Vec<u8>, changes: Vec<TagChange>) -> (Option<Vec<u8>>, Vec<(TagChange, String)>) {
    if let Ok(edited) = manifest::set_tags(path, &bytes, &changes) {
        return (Some(edited), Vec::new());
    }
    let mut edited: Option<Vec<u8>> = None;
    let mut refused = Vec::new();
    for change in changes {
        match manifest::set_tags(path, edited.as_deref().unwrap_or(&bytes), std::slice::from_ref(&change)) {
            Ok(bytes) => edited = Some(bytes),
            Err(reason) => refused.push((change, reason.to_string())),
        }
    }
    (edited, refused)
}
