//! Reads a finished commit back and compares the commit with its plan.

use super::error::Error;
use super::folder_edits::FolderEdits;
use super::ids::{blob_id, oid};
use super::tree_bytes::{self, Entry};
use crate::git::libgit2_error::Libgit2Error;
use crate::port::{FileEdit, NewCommit};
use git2::{ObjectType, Odb, Oid, Repository};
use std::collections::BTreeMap;

/// Requires that the commit has the planned parent alone, and that its trees are the parent's byte by byte, except for the ids
/// of the planned files and of the folders above them.
pub(crate) fn check(repo: &Repository, id: Oid, plan: &NewCommit) -> Result<(), Error> {
    let failed = Libgit2Error::doing("read back the commit");
    let commit = repo.find_commit(id).map_err(failed)?;
    let parents: Vec<Oid> = commit.parent_ids().collect();
    if parents != [oid(plan.parent.as_bytes())?] {
        return Err(Error::plan("it would not have the planned parent alone"));
    }
    let before = commit.parent(0).map_err(failed)?.tree_id();
    let odb = repo.odb().map_err(failed)?;
    let differs = differs_as_planned(&odb, before, commit.tree_id(), &FolderEdits::of(plan)?);
    if differs.map_err(failed)? {
        Ok(())
    } else {
        Err(Error::plan("other files than the planned ones would differ"))
    }
}

fn differs_as_planned(odb: &Odb<'_>, before: Oid, after: Oid, edits: &FolderEdits<'_>) -> Result<bool, git2::Error> {
    let (before, after) = (tree_bytes::read(odb, before)?, tree_bytes::read(odb, after)?);
    let (before, after) = (tree_bytes::entries(&before)?, tree_bytes::entries(&after)?);
    let (mut files, mut folders) = edits.split();
    if before.len() != after.len() {
        return Ok(false);
    }
    for (old, new) in before.iter().zip(&after) {
        if !old.is_namesake(new) {
            return Ok(false);
        }
        if old.id == new.id {
            continue;
        }
        let is_planned = if old.is_folder() {
            match take(&mut folders, old) {
                Some(edits) => differs_as_planned(odb, old.id, new.id, &edits)?,
                None => false,
            }
        } else {
            match take(&mut files, old) {
                Some(edit) => is_edit(old, new, edit)?,
                None => false,
            }
        };
        if !is_planned {
            return Ok(false);
        }
    }
    Ok(files.is_empty() && folders.is_empty())
}

fn take<T>(planned: &mut BTreeMap<&str, T>, entry: &Entry<'_>) -> Option<T> {
    planned.remove(std::str::from_utf8(entry.name).ok()?)
}

fn is_edit(old: &Entry<'_>, new: &Entry<'_>, edit: &FileEdit) -> Result<bool, git2::Error> {
    let expected = Oid::hash_object(ObjectType::Blob, &edit.bytes)?;
    Ok(blob_id(old.id) == edit.from && new.id == expected)
}
