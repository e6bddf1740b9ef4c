//! Reading trees: the files of a commit, and what a commit itself changed. Descends only into what differs.

use crate::model::{BlobId, RepoPath};
use crate::port::{FileChange, TreeFile};
use git2::{ObjectType, Oid, Repository};
use std::collections::BTreeMap;

/// Deeper trees and longer paths are made by hand to do harm; Linux stops at 4096.
const LONGEST_PATH: usize = 4096;

/// What stands at a name, as far as we care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(BlobId),
    Folder(Oid),
    /// Symlinks and submodules: carried along, never followed.
    Other,
}

/// All regular files of a tree below any of `paths` (all, if empty), ordered by path.
pub(super) fn files(repo: &Repository, tree: Oid, paths: &[RepoPath]) -> Result<Vec<TreeFile>, git2::Error> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), tree)];
    while let Some((folder, tree)) = folders.pop() {
        for (name, entry) in entries(repo, tree)? {
            let Some(path) = joined(&folder, &name) else { continue };
            let wanted = |path: &RepoPath| paths.is_empty() || paths.iter().any(|wanted| path.is_within(wanted));
            match entry {
                Entry::File(blob) if wanted(&path) => found.push(TreeFile { path, blob }),
                Entry::Folder(tree) if wanted(&path) || paths.iter().any(|wanted| wanted.is_within(&path)) => {
                    folders.push((path.as_str().to_owned(), tree));
                }
                _ => {}
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The files of `tree` whose content differs from that in each of `parents`, ordered by path; `before` is the first
/// parent's. Without parents: all files.
pub(super) fn changes(repo: &Repository, tree: Oid, parents: &[Oid]) -> Result<Vec<FileChange>, git2::Error> {
    let mut found = Vec::new();
    let root = parents.iter().map(|parent| Some(*parent)).collect::<Vec<_>>();
    let mut folders = vec![(
        String::new(),
        Some(tree),
        if root.is_empty() { vec![None] } else { root },
    )];
    while let Some((folder, ours, theirs)) = folders.pop() {
        if theirs.contains(&ours) {
            continue;
        }
        for (name, row) in side_by_side(repo, ours, &theirs)? {
            let [ours, theirs @ ..] = row.as_slice() else { continue };
            if theirs.contains(ours) {
                continue;
            }
            let Some(path) = joined(&folder, &name) else { continue };
            let folder_of = |entry: &Option<Entry>| match entry {
                Some(Entry::Folder(tree)) => Some(*tree),
                _ => None,
            };
            if row.iter().any(|entry| folder_of(entry).is_some()) {
                let theirs = theirs.iter().map(folder_of).collect();
                folders.push((path.as_str().to_owned(), folder_of(ours), theirs));
            }
            let file_of = |entry: &Option<Entry>| match entry {
                Some(Entry::File(blob)) => Some(*blob),
                _ => None,
            };
            let after = file_of(ours);
            if theirs.iter().all(|entry| file_of(entry) != after) {
                let before = theirs.first().and_then(file_of);
                found.push(FileChange { path, before, after });
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

type Row = Vec<Option<Entry>>;

/// Entries by name: ours first, then one for each parent.
fn side_by_side(
    repo: &Repository,
    ours: Option<Oid>,
    theirs: &[Option<Oid>],
) -> Result<BTreeMap<Vec<u8>, Row>, git2::Error> {
    let mut rows: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
    for (column, tree) in std::iter::once(&ours).chain(theirs).enumerate() {
        let Some(tree) = tree else { continue };
        for (name, entry) in entries(repo, *tree)? {
            let row = rows.entry(name).or_insert_with(|| vec![None; theirs.len() + 1]);
            if let Some(cell) = row.get_mut(column) {
                *cell = Some(entry);
            }
        }
    }
    Ok(rows)
}

fn entries(repo: &Repository, tree: Oid) -> Result<Vec<(Vec<u8>, Entry)>, git2::Error> {
    let tree = repo.find_tree(tree)?;
    let read = |entry: git2::TreeEntry<'_>| {
        let kind = match (entry.kind(), entry.filemode_raw()) {
            (Some(ObjectType::Tree), _) => Entry::Folder(entry.id()),
            (_, mode) if is_regular(mode) => Entry::File(blob_id(entry.id())),
            _ => Entry::Other,
        };
        (entry.name_bytes().to_vec(), kind)
    };
    Ok(tree.iter().map(read).collect())
}

/// Modes of regular files: 100644 and 100755, and 100664 as very old tools wrote it.
pub(super) fn is_regular(mode: i32) -> bool {
    mode & 0o170_000 == 0o100_000
}

fn joined(folder: &str, name: &[u8]) -> Option<RepoPath> {
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

pub(super) fn blob_id(id: Oid) -> BlobId {
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    BlobId::from_bytes(bytes)
}
