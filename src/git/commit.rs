//! Making commits in the object database: new blobs, new trees for the folders above them, everything else as it was.

use super::error::Error;
use super::history;
use super::identity::DeployKey;
use super::mirror::{commit_id, oid};
use super::settings::Author;
use super::signature;
use super::tree::blob_id;
use super::tree_bytes::{self, Entry};
use crate::model::{BlobId, RepoPath};
use crate::port::{FileEdit, NewCommit};
use git2::{ObjectType, Odb, Oid, Repository};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Finished commits, each the parent of the next.
pub(super) struct Made {
    /// The last.
    pub id: Oid,
    /// The commits and every tree and blob that was made for them.
    pub objects: Vec<Oid>,
}

/// Edits of one folder: the path below it, and what is to stand there.
type Rows<'a> = Vec<(&'a str, &'a FileEdit)>;

/// Makes each plan's commit on the one before. What a plan edits may have been edited by an earlier one: its edit then
/// names the content before all of them, and is made on what the earlier one left.
pub(super) fn make_all(
    repo: &Repository,
    place: &dyn Display,
    author: &Author,
    key: Option<&DeployKey>,
    plans: &[NewCommit],
) -> Result<Made, Error> {
    let mut made: Option<Made> = None;
    let mut edited: BTreeMap<&RepoPath, (BlobId, BlobId)> = BTreeMap::new();
    for plan in plans {
        let mut here = plan.clone();
        if let Some(made) = &made {
            here.parent = commit_id(made.id);
        }
        for (edit, planned) in here.edits.iter_mut().zip(&plan.edits) {
            let after = blob_of(&edit.bytes)?;
            let known = edited.entry(&planned.path).or_insert((edit.from, edit.from));
            if known.0 != edit.from {
                return Err(refused(format!("{} is edited on two different contents", edit.path)));
            }
            edit.from = known.1;
            known.1 = after;
        }
        let next = make(repo, place, author, key, &here)?;
        let mut objects = made.map(|made| made.objects).unwrap_or_default();
        objects.extend(next.objects);
        made = Some(Made { id: next.id, objects });
    }
    let mut made = made.ok_or_else(|| refused("there is none to make".to_owned()))?;
    made.objects.sort_unstable();
    made.objects.dedup();
    Ok(made)
}

fn blob_of(bytes: &[u8]) -> Result<BlobId, Error> {
    let hashed = Oid::hash_object(ObjectType::Blob, bytes);
    hashed.map(blob_id).map_err(|source| Error::Git {
        doing: "hash a file",
        source,
    })
}

/// Same inputs, same commit id: a repeat after a crash is the same commit.
fn make(
    repo: &Repository,
    place: &dyn Display,
    author: &Author,
    key: Option<&DeployKey>,
    plan: &NewCommit,
) -> Result<Made, Error> {
    let failed = |source| Error::Git {
        doing: "make the commit",
        source,
    };
    let parent = history::commit(repo, place, plan.parent)?;
    let mut objects = Vec::new();
    let only_speaks = plan.edits.is_empty() && !crate::history::resumes(&plan.message).is_empty();
    let tree = match only_speaks {
        true => parent.tree_id(),
        false => rebuild(repo, parent.tree_id(), &rows(plan)?, &mut objects)?,
    };
    let tree = repo.find_tree(tree).map_err(failed)?;
    let seconds = plan.time.as_second().max(parent.time().seconds());
    let signature = author.signature(seconds).map_err(failed)?;
    let message = git2::message_prettify(plan.message.as_str(), None).map_err(failed)?;
    if message.is_empty() {
        return Err(refused("its message is empty".to_owned()));
    }
    let id = match key {
        None => repo
            .commit(None, &signature, &signature, &message, &tree, &[&parent])
            .map_err(failed)?,
        Some(key) => {
            let unsigned = repo
                .commit_create_buffer(&signature, &signature, &message, &tree, &[&parent])
                .map_err(failed)?;
            signature::signed(repo, &unsigned, key)?
        }
    };
    check(repo, id, plan)?;
    objects.push(id);
    Ok(Made { id, objects })
}

/// The edits by path, none twice.
fn rows(plan: &NewCommit) -> Result<Rows<'_>, Error> {
    let mut edits = BTreeMap::new();
    for edit in &plan.edits {
        if edits.insert(edit.path.as_str(), edit).is_some() {
            return Err(refused(format!("{} is edited twice", edit.path)));
        }
    }
    Ok(edits.into_iter().collect())
}

/// The edits of the files in a folder, and those of each folder in it.
fn sorted<'a>(edits: &Rows<'a>) -> (Rows<'a>, BTreeMap<&'a str, Rows<'a>>) {
    let mut here = Rows::new();
    let mut below: BTreeMap<&str, Rows<'_>> = BTreeMap::new();
    for (path, edit) in edits {
        match path.split_once('/') {
            Some((folder, rest)) => below.entry(folder).or_default().push((rest, edit)),
            None => here.push((path, edit)),
        }
    }
    (here, below)
}

/// The finished commit, read back: one parent, and its trees are the parent's byte by byte but for the planned files'
/// ids and those of the folders above them.
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
    let odb = repo.odb().map_err(failed)?;
    if differs_as_planned(&odb, before, commit.tree_id(), &rows(plan)?)? {
        Ok(())
    } else {
        Err(refused("other files than the planned ones would differ".to_owned()))
    }
}

fn differs_as_planned(odb: &Odb<'_>, before: Oid, after: Oid, edits: &Rows<'_>) -> Result<bool, Error> {
    let failed = |source| Error::Git {
        doing: "read back the commit",
        source,
    };
    let (before, after) = (
        tree_bytes::read(odb, before).map_err(failed)?,
        tree_bytes::read(odb, after).map_err(failed)?,
    );
    let (before, after) = (
        tree_bytes::entries(&before).map_err(failed)?,
        tree_bytes::entries(&after).map_err(failed)?,
    );
    let (mut here, mut below) = sorted(edits);
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
        let planned = if old.is_folder() {
            let edits = std::str::from_utf8(old.name).ok().and_then(|name| below.remove(name));
            match edits {
                Some(edits) => differs_as_planned(odb, old.id, new.id, &edits)?,
                None => false,
            }
        } else {
            match here.iter().position(|(name, _)| name.as_bytes() == old.name) {
                Some(row) => {
                    let (_, edit) = here.swap_remove(row);
                    blob_id(old.id) == edit.from && blob_id(new.id) == blob_of(&edit.bytes)?
                }
                None => false,
            }
        };
        if !planned {
            return Ok(false);
        }
    }
    Ok(here.is_empty() && below.is_empty())
}

fn rebuild(repo: &Repository, base: Oid, edits: &Rows<'_>, made: &mut Vec<Oid>) -> Result<Oid, Error> {
    let failed = |source| Error::Git {
        doing: "make the commit",
        source,
    };
    if edits.is_empty() {
        return Err(refused("it would change nothing".to_owned()));
    }
    let odb = repo.odb().map_err(failed)?;
    let bytes = tree_bytes::read(&odb, base).map_err(failed)?;
    let entries = tree_bytes::entries(&bytes).map_err(failed)?;
    let (here, below) = sorted(edits);
    let mut changes = Vec::new();
    for (name, edit) in here {
        let entry = only(&entries, name)
            .filter(|entry| entry.is_regular())
            .ok_or_else(|| refused(format!("{} is no regular file in the parent", edit.path)))?;
        if blob_id(entry.id) != edit.from {
            return Err(refused(format!(
                "{} is another one than the edit was made on",
                edit.path
            )));
        }
        let blob = repo.blob(&edit.bytes).map_err(failed)?;
        if blob == entry.id {
            return Err(refused(format!("{} would stay as it is", edit.path)));
        }
        made.push(blob);
        changes.push((entry.clone(), blob));
    }
    for (folder, edits) in below {
        let missing = || {
            refused(format!(
                "there is no folder {folder:?} for {}",
                edits.iter().map(|(rest, _)| *rest).collect::<Vec<_>>().join(", ")
            ))
        };
        let entry = only(&entries, folder)
            .filter(|entry| entry.is_folder())
            .ok_or_else(missing)?;
        changes.push((entry.clone(), rebuild(repo, entry.id, &edits, made)?));
    }
    let tree = odb
        .write(ObjectType::Tree, &tree_bytes::with_ids(&bytes, &changes))
        .map_err(failed)?;
    made.push(tree);
    Ok(tree)
}

/// The entry of that name; none if a malformed tree has it twice.
fn only<'a, 'b>(entries: &'a [Entry<'b>], name: &str) -> Option<&'a Entry<'b>> {
    let mut namesakes = entries.iter().filter(|entry| entry.name == name.as_bytes());
    namesakes.next().filter(|_| namesakes.next().is_none())
}

fn refused(rule: String) -> Error {
    Error::Plan { rule }
}
