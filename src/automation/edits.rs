use crate::catalog::MAX_FILE_BYTES;
use crate::manifest::{self, TagChange};
use crate::model::{BlobId, FieldId, RepoPath};
use crate::plan::BumpPlan;
use crate::port::{ConfigRepo, DeclaredState, FileEdit, RepoFailure};
use std::collections::{BTreeMap, BTreeSet};

/// What each commit changes, and the bumps that could not be written.
#[derive(Default)]
pub(super) struct Edits {
    pub(super) commits: Vec<Edited>,
    pub(super) refused: Vec<Unwritten>,
}

/// The part of a plan that one commit carries out, and its files' new bytes.
pub(super) struct Edited {
    pub(super) plan: BumpPlan,
    pub(super) files: Vec<FileEdit>,
}

/// A bump whose place in the file cannot be edited with certainty.
pub(super) struct Unwritten {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    pub(super) reason: String,
}

/// A file as the commits before have left it.
struct Standing {
    from: BlobId,
    bytes: Option<Vec<u8>>,
}

/// Writes each bump's tag (and digest, where it is pinned) into the bytes of its file, one commit's bumps after the other's.
/// A bump that is refused leaves its bytes as they are and does not keep the others of its file from being made; a commit
/// that has none left is left out.
pub(super) async fn make(
    repo: &impl ConfigRepo,
    declared: &DeclaredState,
    plans: Vec<BumpPlan>,
) -> Result<Edits, RepoFailure> {
    let paths: BTreeSet<&RepoPath> = plans
        .iter()
        .flat_map(|plan| &plan.bumps)
        .map(|bump| &bump.path)
        .collect();
    let files: Vec<(&RepoPath, BlobId)> = paths
        .into_iter()
        .filter_map(|path| declared.blobs.get(path).map(|blob| (path, *blob)))
        .collect();
    let contents = repo
        .blobs(files.iter().map(|(_, blob)| *blob).collect(), MAX_FILE_BYTES)
        .await?;
    let mut standing: BTreeMap<RepoPath, Standing> = files
        .into_iter()
        .zip(contents)
        .map(|((path, from), bytes)| (path.clone(), Standing { from, bytes }))
        .collect();
    let mut edits = Edits::default();
    for plan in plans {
        let (edited, refused) = edit(plan, &mut standing);
        edits.refused.extend(refused);
        edits.commits.extend(edited);
    }
    Ok(edits)
}

fn edit(mut plan: BumpPlan, standing: &mut BTreeMap<RepoPath, Standing>) -> (Option<Edited>, Vec<Unwritten>) {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for bump in &plan.bumps {
        changes.entry(&bump.path).or_default().push(TagChange {
            object: bump.field.object.clone(),
            field: bump.field.field.clone(),
            tag: bump.to.clone(),
            digest: bump.digest.clone().filter(|_| bump.pinned),
        });
    }
    let mut files = Vec::new();
    let mut refused = Vec::new();
    for (path, changes) in changes {
        let file = standing.get_mut(path);
        let (bytes, not_made) = match file.as_ref().and_then(|file| file.bytes.as_deref()) {
            Some(bytes) => write(path, bytes, changes),
            None => {
                let reason = format!("{path}: not edited: the file is too large");
                let not_made = changes.into_iter().map(|change| (change, reason.clone()));
                (None, not_made.collect())
            }
        };
        if let Some((file, bytes)) = file.zip(bytes) {
            files.push(FileEdit {
                path: path.clone(),
                from: file.from,
                bytes: bytes.clone(),
            });
            file.bytes = Some(bytes);
        }
        refused.extend(not_made.into_iter().map(|(change, reason)| Unwritten {
            path: path.clone(),
            field: FieldId {
                object: change.object,
                field: change.field,
            },
            reason,
        }));
    }
    let is_refused = |path: &RepoPath, field: &FieldId| {
        let mut all = refused.iter();
        all.any(|unwritten| (&unwritten.path, &unwritten.field) == (path, field))
    };
    plan.bumps.retain(|bump| !is_refused(&bump.path, &bump.field));
    let edited = (!plan.bumps.is_empty()).then_some(Edited { plan, files });
    (edited, refused)
}

/// The file with all changes; where they are refused together, with as many as can be made one after another.
pub(super) fn write(
    path: &RepoPath,
    bytes: &[u8],
    changes: Vec<TagChange>,
) -> (Option<Vec<u8>>, Vec<(TagChange, String)>) {
    if let Ok(edited) = manifest::set_tags(path, bytes, &changes) {
        return (Some(edited), Vec::new());
    }
    let mut edited: Option<Vec<u8>> = None;
    let mut refused = Vec::new();
    for change in changes {
        match manifest::set_tags(path, edited.as_deref().unwrap_or(bytes), std::slice::from_ref(&change)) {
            Ok(bytes) => edited = Some(bytes),
            Err(reason) => refused.push((change, reason.to_string())),
        }
    }
    (edited, refused)
}
