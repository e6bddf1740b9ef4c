//! Making a commit in the object database: new blobs, new trees for the folders above them, everything else as it was.

use super::error::Error;
use super::mirror::oid;
use super::settings::Author;
use super::tree::{self, blob_id, is_regular};
use crate::model::{BlobId, RepoPath};
use crate::port::{FileEdit, NewCommit};
use git2::{ErrorCode, Oid, Repository, Tree};
use std::collections::BTreeMap;

/// A finished commit.
pub(super) struct Made {
    pub id: Oid,
    /// The commit and every tree and blob that was made for it.
    pub objects: Vec<Oid>,
}

/// Same inputs, same commit id: a repeat after a crash is the same commit.
pub(super) fn make(repo: &Repository, author: &Author, plan: &NewCommit) -> Result<Made, Error> {
    let failed = |source| Error::Git {
        doing: "make the commit",
        source,
    };
    let parent = match repo.find_commit(oid(plan.parent.as_bytes())?) {
        Err(error) if error.code() == ErrorCode::NotFound => {
            return Err(refused(format!("its parent {} is not in the mirror", plan.parent)));
        }
        found => found.map_err(failed)?,
    };
    let base = parent.tree().map_err(failed)?;
    let mut edits = BTreeMap::new();
    for edit in &plan.edits {
        if edits.insert(edit.path.as_str(), edit).is_some() {
            return Err(refused(format!("{} is edited twice", edit.path)));
        }
    }
    let rows: Vec<(&str, &FileEdit)> = edits.into_iter().collect();
    let mut objects = Vec::new();
    let tree = rebuild(repo, Some(&base), &rows, &mut objects)?;
    let tree = repo.find_tree(tree).map_err(failed)?;
    let seconds = plan.time.as_second().max(parent.time().seconds());
    let signature = author.signature(seconds).map_err(failed)?;
    let message = git2::message_prettify(plan.message.as_str(), None).map_err(failed)?;
    if message.is_empty() {
        return Err(refused("its message is empty".to_owned()));
    }
    let id = repo
        .commit(None, &signature, &signature, &message, &tree, &[&parent])
        .map_err(failed)?;
    check(repo, id, plan)?;
    objects.push(id);
    Ok(Made { id, objects })
}

/// The finished commit, read back: one parent, and exactly the planned files differ, to exactly the planned content.
fn check(repo: &Repository, id: Oid, plan: &NewCommit) -> Result<(), Error> {
    let failed = |source| Error::Git {
        doing: "read back the commit",
        source,
    };
    let commit = repo.find_commit(id).map_err(failed)?;
    let parents: Vec<Oid> = commit.parent_ids().collect();
    if parents != [oid(plan.parent.as_bytes())?] {
        return Err(refused("it would not have the planned parent alone".to_owned()));
    }
    let before = commit.parent(0).map_err(failed)?.tree_id();
    let changes = tree::changes(repo, commit.tree_id(), &[before]).map_err(failed)?;
    let mut wanted: BTreeMap<&RepoPath, (BlobId, BlobId)> = BTreeMap::new();
    for edit in &plan.edits {
        let after = Oid::hash_object(git2::ObjectType::Blob, &edit.bytes).map_err(failed)?;
        wanted.insert(&edit.path, (edit.from, blob_id(after)));
    }
    let as_planned = changes.len() == wanted.len()
        && changes.iter().all(|change| {
            wanted
                .get(&change.path)
                .is_some_and(|(from, to)| change.before == Some(*from) && change.after == Some(*to))
        });
    if as_planned {
        Ok(())
    } else {
        Err(refused("other files than the planned ones would differ".to_owned()))
    }
}

fn rebuild(
    repo: &Repository,
    base: Option<&Tree<'_>>,
    edits: &[(&str, &FileEdit)],
    made: &mut Vec<Oid>,
) -> Result<Oid, Error> {
    let failed = |source| Error::Git {
        doing: "make the commit",
        source,
    };
    if edits.is_empty() {
        return Err(refused("it would change nothing".to_owned()));
    }
    let mut builder = repo.treebuilder(base).map_err(failed)?;
    let mut below: BTreeMap<&str, Vec<(&str, &FileEdit)>> = BTreeMap::new();
    for (path, edit) in edits {
        match path.split_once('/') {
            Some((folder, rest)) => below.entry(folder).or_default().push((rest, edit)),
            None => {
                let mode = file_mode(base, path, edit)?;
                let blob = repo.blob(&edit.bytes).map_err(failed)?;
                if blob_id(blob) == edit.from {
                    return Err(refused(format!("{} would stay as it is", edit.path)));
                }
                builder.insert(path, blob, mode).map_err(failed)?;
                made.push(blob);
            }
        }
    }
    for (folder, edits) in below {
        let missing = || {
            refused(format!(
                "there is no folder {folder:?} for {}",
                edits.iter().map(|(rest, _)| *rest).collect::<Vec<_>>().join(", ")
            ))
        };
        let entry = base
            .and_then(|tree| tree.get_name_bytes(folder.as_bytes()))
            .ok_or_else(missing)?;
        let tree = entry
            .to_object(repo)
            .ok()
            .and_then(|object| object.into_tree().ok())
            .ok_or_else(missing)?;
        let rebuilt = rebuild(repo, Some(&tree), &edits, made)?;
        builder.insert(folder, rebuilt, entry.filemode_raw()).map_err(failed)?;
    }
    let tree = builder.write().map_err(failed)?;
    made.push(tree);
    Ok(tree)
}

fn file_mode(base: Option<&Tree<'_>>, name: &str, edit: &FileEdit) -> Result<i32, Error> {
    let entry = base
        .and_then(|tree| tree.get_name_bytes(name.as_bytes()))
        .filter(|entry| is_regular(entry.filemode_raw()))
        .ok_or_else(|| refused(format!("{} is no regular file in the parent", edit.path)))?;
    if blob_id(entry.id()) != edit.from {
        return Err(refused(format!(
            "{} is another one than the edit was made on",
            edit.path
        )));
    }
    Ok(entry.filemode_raw())
}

fn refused(rule: String) -> Error {
    Error::Plan { rule }
}
