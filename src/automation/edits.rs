//! Edits of file bytes: each planned bump becomes a new tag in its file.

use crate::manifest::{self, MAX_FILE_BYTES, TagChange};
use crate::model::{BlobId, FieldId, RepoPath};
use crate::plan::{BumpPlan, PlannedBump};
use crate::port::{ConfigRepo, DeclaredState, FileEdit, RepoFailure};
use std::collections::{BTreeMap, BTreeSet};

/// The edits of a pass: what each commit changes, and the bumps that could not be written.
#[derive(Default)]
pub(super) struct Edits {
    pub(super) commits: Vec<EditedFiles>,
    pub(super) refused: Vec<Unwritten>,
}

/// The part of a plan that one commit carries out, and the new bytes of its files.
pub(super) struct EditedFiles {
    pub(super) plan: BumpPlan,
    pub(super) files: Vec<FileEdit>,
}

/// A bump whose scalar cannot be edited with certainty.
pub(super) struct Unwritten {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    pub(super) reason: String,
}

/// A file with the edits of the commits made so far; no bytes if the file is too large.
#[derive(Clone)]
struct WorkingFile {
    from: BlobId,
    bytes: Option<Vec<u8>>,
}

/// Writes the tag of each bump (and the digest, where the policy pins it) into its file, commit after commit. A bump that
/// cannot be written leaves the bytes unchanged, and the other bumps of the file are still written. A commit without a bump
/// that could be written is left out.
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
    let mut files: BTreeMap<RepoPath, WorkingFile> = files
        .into_iter()
        .zip(contents)
        .map(|((path, from), bytes)| (path.clone(), WorkingFile { from, bytes }))
        .collect();
    let mut edits = Edits::default();
    for plan in plans {
        let (edited, refused) = edit_whole_groups(plan, &mut files);
        edits.refused.extend(refused);
        edits.commits.extend(edited);
    }
    Ok(edits)
}

/// Edits the files of a commit. If a bump of a group cannot be written, no bump of the group is.
fn edit_whole_groups(
    mut plan: BumpPlan,
    files: &mut BTreeMap<RepoPath, WorkingFile>,
) -> (Option<EditedFiles>, Vec<Unwritten>) {
    let mut left_out = Vec::new();
    while plan.bumps.iter().any(|bump| bump.group.is_some()) {
        let own = plan.bumps.iter().map(|bump| &bump.path);
        let own = own.filter_map(|path| Some((path.clone(), files.get(path)?.clone())));
        let mut tried: BTreeMap<RepoPath, WorkingFile> = own.collect();
        let (edited, mut refused) = edit(plan.clone(), &mut tried);
        let broken: BTreeMap<String, FieldId> = plan
            .bumps
            .iter()
            .filter(|bump| is_refused(&refused, bump))
            .filter_map(|bump| Some((bump.group.as_ref()?.name.clone(), bump.field.clone())))
            .collect();
        if broken.is_empty() {
            files.extend(tried);
            refused.extend(left_out);
            return (edited, refused);
        }
        let in_broken = |bump: &mut PlannedBump| {
            bump.group
                .as_ref()
                .is_some_and(|group| broken.contains_key(&group.name))
        };
        for bump in plan.bumps.extract_if(.., in_broken) {
            let own = refused.iter().find(|unwritten| unwritten.is_of(&bump));
            let others = || {
                let other = bump.group.as_ref().and_then(|group| broken.get(&group.name));
                let other = other.map_or(String::new(), ToString::to_string);
                format!(
                    "{}: not edited: {} waits for {other}, which cannot be written",
                    bump.path, bump.field
                )
            };
            left_out.push(Unwritten {
                reason: own.map_or_else(others, |unwritten| unwritten.reason.clone()),
                path: bump.path,
                field: bump.field,
            });
        }
    }
    let (edited, mut refused) = edit(plan, files);
    refused.extend(left_out);
    (edited, refused)
}

impl Unwritten {
    fn is_of(&self, bump: &PlannedBump) -> bool {
        (&self.path, &self.field) == (&bump.path, &bump.field)
    }
}

fn is_refused(refused: &[Unwritten], bump: &PlannedBump) -> bool {
    refused.iter().any(|unwritten| unwritten.is_of(bump))
}

fn edit(mut plan: BumpPlan, files: &mut BTreeMap<RepoPath, WorkingFile>) -> (Option<EditedFiles>, Vec<Unwritten>) {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for bump in &plan.bumps {
        changes.entry(&bump.path).or_default().push(TagChange {
            object: bump.field.object.clone(),
            field: bump.field.field.clone(),
            name: bump.new_name.clone(),
            tag: bump.to.clone(),
            digest: bump.digest.clone().filter(|_| bump.pinned),
        });
    }
    let mut edited = Vec::new();
    let mut refused = Vec::new();
    for (path, changes) in changes {
        let file = files.get_mut(path);
        let (bytes, not_made) = match file.as_ref().and_then(|file| file.bytes.as_deref()) {
            Some(bytes) => write(path, bytes, changes),
            None => {
                let reason = format!(
                    "{path}: not edited: the file is larger than {} MiB",
                    MAX_FILE_BYTES >> 20
                );
                let not_made = changes.into_iter().map(|change| (change, reason.clone()));
                (None, not_made.collect())
            }
        };
        if let Some((file, bytes)) = file.zip(bytes) {
            edited.push(FileEdit {
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
    plan.bumps.retain(|bump| !is_refused(&refused, bump));
    let edited = (!plan.bumps.is_empty()).then_some(EditedFiles { plan, files: edited });
    (edited, refused)
}

/// The file with all changes. If they cannot be made together, they are made one after another, and those that fail are
/// returned with the reason.
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
