//! Makes commits in the object database: new blobs, new trees for the folders above them, everything else as it was.

use super::commit_check;
use super::error::Error;
use super::folder_edits::FolderEdits;
use super::ids::{blob_id, commit_id};
use super::tree_bytes::{self, Entry};
use super::{history, signature};
use crate::git::keys::deploy_key::DeployKey;
use crate::git::libgit2_error::Libgit2Error;
use crate::model::{Author, BlobId, RepoPath};
use crate::port::{FileEdit, NewCommit};
use git2::{Commit, ObjectType, Oid, Repository, Signature, Tree};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Finished commits, each the parent of the next.
pub(crate) struct Made {
    /// The last commit.
    pub id: Oid,
    /// The commits, and every tree and blob that was made for them.
    pub objects: Vec<Oid>,
}

/// Makes each plan's commit on the commit before. If an earlier plan has edited the same file, the edit of a later plan names
/// the content before all plans, and is made on the content that the earlier plan left. `repository` is for the error.
pub(crate) fn make_all(
    repo: &Repository,
    repository: &dyn Display,
    author: &Author,
    key: Option<&DeployKey>,
    plans: &[NewCommit],
) -> Result<Made, Error> {
    let mut made: Option<Made> = None;
    // Each file's content before the first plan and after the last one so far.
    let mut edited: BTreeMap<&RepoPath, (BlobId, BlobId)> = BTreeMap::new();
    for plan in plans {
        let mut adapted = plan.clone();
        if let Some(made) = &made {
            adapted.parent = commit_id(made.id);
        }
        for (edit, planned) in adapted.edits.iter_mut().zip(&plan.edits) {
            let after = blob_of(&edit.bytes)?;
            let known = edited.entry(&planned.path).or_insert((edit.from, edit.from));
            if known.0 != edit.from {
                return Err(Error::plan(format!(
                    "{} is edited on two different contents",
                    edit.path
                )));
            }
            edit.from = known.1;
            known.1 = after;
        }
        let next = make(repo, repository, author, key, &adapted)?;
        let mut objects = made.map(|made| made.objects).unwrap_or_default();
        objects.extend(next.objects);
        made = Some(Made { id: next.id, objects });
    }
    let mut made = made.ok_or_else(|| Error::plan("the plan has no commit"))?;
    made.objects.sort_unstable();
    made.objects.dedup();
    Ok(made)
}

fn blob_of(bytes: &[u8]) -> Result<BlobId, Error> {
    let hashed = Oid::hash_object(ObjectType::Blob, bytes);
    Ok(hashed.map(blob_id).map_err(Libgit2Error::doing("hash a file"))?)
}

/// Makes one commit. The same inputs give the same commit, so a repetition after a crash is the same commit.
fn make(
    repo: &Repository,
    repository: &dyn Display,
    author: &Author,
    key: Option<&DeployKey>,
    plan: &NewCommit,
) -> Result<Made, Error> {
    let failed = Libgit2Error::doing("make the commit");
    let parent = history::commit(repo, repository, plan.parent)?;
    let mut objects = Vec::new();
    let is_command = !crate::history::resumes(&plan.message).is_empty()
        || crate::history::Confirmation::read(&plan.message).is_some();
    let is_message_only = plan.edits.is_empty() && is_command;
    let tree = match is_message_only {
        true => parent.tree_id(),
        false => rebuild(repo, parent.tree_id(), &FolderEdits::of(plan)?, &mut objects)?,
    };
    let tree = repo.find_tree(tree).map_err(failed)?;
    let seconds = plan.time.as_second().max(parent.time().seconds());
    let committer = signature_of(author, seconds).map_err(failed)?;
    let author = plan.author.as_ref().unwrap_or(author);
    let people = People {
        author: signature_of(author, seconds).map_err(failed)?,
        committer,
    };
    let message = git2::message_prettify(plan.message.as_str(), None).map_err(failed)?;
    if message.is_empty() {
        return Err(Error::plan("its message is empty"));
    }
    let id = write(repo, &people, &message, &tree, &parent, key)?;
    commit_check::check(repo, id, plan)?;
    objects.push(id);
    Ok(Made { id, objects })
}

/// Who a commit names, both at one time.
struct People {
    author: Signature<'static>,
    committer: Signature<'static>,
}

/// A person at a time, in seconds since 1970.
fn signature_of(person: &Author, seconds: i64) -> Result<Signature<'static>, git2::Error> {
    Signature::new(person.name(), person.email(), &git2::Time::new(seconds, 0))
}

/// Writes the commit object, signed if there is a key.
fn write(
    repo: &Repository,
    people: &People,
    message: &str,
    tree: &Tree<'_>,
    parent: &Commit<'_>,
    key: Option<&DeployKey>,
) -> Result<Oid, Error> {
    let failed = Libgit2Error::doing("make the commit");
    let People { author, committer } = people;
    let Some(key) = key else {
        let written = repo.commit(None, author, committer, message, tree, &[parent]);
        return Ok(written.map_err(failed)?);
    };
    let unsigned = repo.commit_create_buffer(author, committer, message, tree, &[parent]);
    signature::signed(repo, &unsigned.map_err(failed)?, key)
}

/// Writes the tree `base` with the edits, and adds the new blobs and trees to `made`.
fn rebuild(repo: &Repository, base: Oid, edits: &FolderEdits<'_>, made: &mut Vec<Oid>) -> Result<Oid, Error> {
    let failed = Libgit2Error::doing("make the commit");
    if edits.is_empty() {
        return Err(Error::plan("it would change nothing"));
    }
    let odb = repo.odb().map_err(failed)?;
    let bytes = tree_bytes::read(&odb, base).map_err(failed)?;
    let entries = tree_bytes::entries(&bytes).map_err(failed)?;
    let (files, folders) = edits.split();
    let mut changes = Vec::new();
    for (name, edit) in files {
        let entry = checked_file(&entries, name, edit)?;
        let blob = repo.blob(&edit.bytes).map_err(failed)?;
        if blob == entry.id {
            return Err(Error::plan(format!("{} would stay as it is", edit.path)));
        }
        made.push(blob);
        changes.push((entry.clone(), blob));
    }
    for (name, edits) in folders {
        let folder = only(&entries, name).filter(|entry| entry.is_folder());
        let folder = folder.ok_or_else(|| Error::plan(format!("there is no folder {name:?} for {}", edits.paths())))?;
        changes.push((folder.clone(), rebuild(repo, folder.id, &edits, made)?));
    }
    let tree = odb.write(ObjectType::Tree, &tree_bytes::with_ids(&bytes, &changes));
    let tree = tree.map_err(failed)?;
    made.push(tree);
    Ok(tree)
}

/// The regular file of that name, with the content on which the edit was made.
fn checked_file<'a, 'b>(entries: &'a [Entry<'b>], name: &str, edit: &FileEdit) -> Result<&'a Entry<'b>, Error> {
    let entry = only(entries, name).filter(|entry| entry.is_regular());
    let entry = entry.ok_or_else(|| Error::plan(format!("{} is no regular file in the parent", edit.path)))?;
    if blob_id(entry.id) != edit.from {
        let rule = format!("{} has another content than the one that was edited", edit.path);
        return Err(Error::plan(rule));
    }
    Ok(entry)
}

/// The entry of that name; `None` if a malformed tree has two.
fn only<'a, 'b>(entries: &'a [Entry<'b>], name: &str) -> Option<&'a Entry<'b>> {
    let mut namesakes = entries.iter().filter(|entry| entry.name == name.as_bytes());
    namesakes.next().filter(|_| namesakes.next().is_none())
}
