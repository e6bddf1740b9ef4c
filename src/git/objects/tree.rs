//! Compares trees: the files that a commit changed. Descends only into folders that differ.

use super::error::Error;
use super::ids::blob_id;
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::model::{BlobId, RepoPath};
use crate::port::FileChange;
use git2::{ObjectType, Oid, Repository, Tree, TreeEntry};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Linux allows no longer paths; a deeper tree was made to do harm.
const LONGEST_PATH: usize = 4096;

/// The entry of a tree, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    File(BlobId),
    Folder(Oid),
    /// A symbolic link, with the blob that holds its target. Links are carried along and never followed.
    Link(Oid),
    /// A submodule, whatever its commit.
    Submodule,
    /// An entry of a mode that git does not write.
    Other(i32),
}

impl Entry {
    fn is_read(self) -> bool {
        matches!(self, Self::File(_) | Self::Folder(_))
    }
}

/// The entries of folders that one comparison looks at. A commit that adds a hundred thousand files stays below; folders that
/// hold each other ten times each do not.
const MOST_ENTRIES: usize = 200_000;

/// Which files a comparison is about.
#[derive(Clone, Copy)]
pub(crate) struct Selection<'a>(pub &'a [RepoPath]);

impl Selection<'_> {
    /// Every file.
    pub(crate) const ALL: Self = Selection(&[]);

    /// Whether the entry is selected, or may be a folder above or below what is selected.
    fn concerns(self, path: &RepoPath) -> bool {
        let Self(paths) = self;
        let is_near = |selected: &RepoPath| path.is_within(selected) || selected.is_within(path);
        paths.is_empty() || paths.iter().any(is_near)
    }
}

/// How two or more trees differ.
struct Comparison {
    changes: Vec<FileChange>,
    /// Whether only regular files with usable names differ, and all of them were looked at.
    only_files: bool,
}

/// The selected files of `tree` whose content differs from the content in each of `parents`, ordered by path. `before` is the
/// content in the first parent. Without parents: all files. Of a comparison beyond [`MOST_ENTRIES`] only the first part.
pub(crate) fn changes(
    repo: &Repository,
    tree: Oid,
    parents: &[Oid],
    selection: Selection<'_>,
    budget: &Budget,
) -> Result<Vec<FileChange>, Error> {
    Ok(compare(repo, tree, parents, selection, budget)?.changes)
}

/// The files whose content differs between two trees. `None` if more differs than files: links, submodules, odd names; or more
/// than is compared.
pub(crate) fn changes_of_files_only(
    repo: &Repository,
    tree: Oid,
    before: Oid,
    budget: &Budget,
) -> Result<Option<Vec<FileChange>>, Error> {
    let compared = compare(repo, tree, &[before], Selection::ALL, budget)?;
    Ok(compared.only_files.then_some(compared.changes))
}

fn compare(
    repo: &Repository,
    tree: Oid,
    parents: &[Oid],
    selection: Selection<'_>,
    budget: &Budget,
) -> Result<Comparison, Error> {
    let failed = Libgit2Error::doing("compare two commits");
    let mut only_files = true;
    let mut found = Vec::new();
    let mut entries = 0;
    let theirs: Vec<Option<Oid>> = if parents.is_empty() {
        vec![None]
    } else {
        parents.iter().copied().map(Some).collect()
    };
    let mut folders = vec![(String::new(), Some(tree), theirs)];
    'folders: while let Some((folder, ours, theirs)) = folders.pop() {
        if theirs.contains(&ours) {
            continue;
        }
        let open = |id: &Option<Oid>| id.map(|id| repo.find_tree(id)).transpose();
        let ours = open(&ours).map_err(failed)?;
        let theirs: Vec<Option<Tree<'_>>> = theirs.iter().map(open).collect::<Result<_, _>>().map_err(failed)?;
        for name in differing(ours.as_ref(), theirs.first().and_then(Option::as_ref)) {
            budget.step()?;
            entries += 1;
            if entries > MOST_ENTRIES {
                only_files = false;
                break 'folders;
            }
            let at = |tree: &Option<Tree<'_>>| tree.as_ref()?.get_name_bytes(&name).map(|entry| kind(&entry));
            let (ours, theirs): (_, Vec<_>) = (at(&ours), theirs.iter().map(at).collect());
            if theirs.contains(&ours) {
                continue;
            }
            only_files &= ours.iter().chain(theirs.iter().flatten()).all(|entry| entry.is_read());
            let Some(path) = joined(&folder, &name) else {
                only_files = false;
                continue;
            };
            if !selection.concerns(&path) {
                continue;
            }
            let folders_of: Vec<Option<Oid>> = theirs.iter().map(folder_in).collect();
            if folder_in(&ours).is_some() || folders_of.iter().any(Option::is_some) {
                folders.push((path.as_str().to_owned(), folder_in(&ours), folders_of));
            }
            let after = file_in(&ours);
            if theirs.iter().all(|entry| file_in(entry) != after) {
                let before = theirs.first().and_then(file_in);
                found.push(FileChange { path, before, after });
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Comparison {
        changes: found,
        only_files,
    })
}

/// The names at which two trees differ. A file that the commit itself changed differs from the first parent, so the other
/// parents need not be listed.
fn differing(ours: Option<&Tree<'_>>, theirs: Option<&Tree<'_>>) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    let mut ours = ours.into_iter().flat_map(Tree::iter).peekable();
    let mut theirs = theirs.into_iter().flat_map(Tree::iter).peekable();
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return names,
            _ if names.len() > MOST_ENTRIES => return names,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => by_tree_order(a, b),
        };
        let a = if order.is_le() { ours.next() } else { None };
        let b = if order.is_ge() { theirs.next() } else { None };
        let same = |(a, b): (&TreeEntry<'_>, &TreeEntry<'_>)| a.id() == b.id() && a.filemode_raw() == b.filemode_raw();
        if !a.as_ref().zip(b.as_ref()).is_some_and(same) {
            names.extend(a.or(b).map(|entry| entry.name_bytes().to_vec()));
        }
    }
}

/// Git's order of tree entries: a folder sorts as if its name ended in a slash.
fn by_tree_order(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    fn key<'a>(entry: &'a TreeEntry<'_>) -> impl Iterator<Item = &'a u8> {
        entry
            .name_bytes()
            .iter()
            .chain((entry.kind() == Some(ObjectType::Tree)).then_some(&b'/'))
    }
    if a.name_bytes() == b.name_bytes() && a.kind() == b.kind() {
        return Ordering::Equal;
    }
    key(a).cmp(key(b))
}

fn folder_in(entry: &Option<Entry>) -> Option<Oid> {
    match entry {
        Some(Entry::Folder(tree)) => Some(*tree),
        _ => None,
    }
}

fn file_in(entry: &Option<Entry>) -> Option<BlobId> {
    match entry {
        Some(Entry::File(blob)) => Some(*blob),
        _ => None,
    }
}

/// What an entry is. Modes of regular files are 100644 and 100755, and 100664 from very old tools.
pub(super) fn kind(entry: &TreeEntry<'_>) -> Entry {
    let mode = entry.filemode_raw();
    match (entry.kind(), mode & 0o170_000) {
        (Some(ObjectType::Tree), _) => Entry::Folder(entry.id()),
        (_, 0o100_000) => Entry::File(blob_id(entry.id())),
        (_, 0o120_000) => Entry::Link(entry.id()),
        (_, 0o160_000) => Entry::Submodule,
        _ => Entry::Other(mode),
    }
}

/// The path of an entry; `None` for a name that no path can have: not UTF-8, too long, or not a name at all.
pub(super) fn joined(folder: &str, name: &[u8]) -> Option<RepoPath> {
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| folder.len() + name.len() < LONGEST_PATH)?;
    let path = if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    };
    RepoPath::parse(&path).ok().filter(|parsed| parsed.as_str() == path)
}
