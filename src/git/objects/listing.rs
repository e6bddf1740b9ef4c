//! Lists what a tree has below some paths: the regular files, and every entry that is not read.

use super::error::Error;
use super::tree::{Entry, joined, kind};
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::model::RepoPath;
use crate::port::{TreeFile, TreeListing, UnreadEntry, UnreadKind};
use git2::{Odb, Oid, Repository, Tree};

/// The longest target of a link that is looked at, in bytes. Linux allows no longer paths.
const LONGEST_TARGET: usize = 4096;
/// The characters of an odd name that a finding shows.
const SHOWN_NAME: usize = 100;

/// What a tree has below any of `paths`, ordered by path. Without `paths`: everything. The listing stops after `most` entries of
/// folders, and says where.
pub(crate) fn list(
    repo: &Repository,
    tree: Oid,
    paths: &[RepoPath],
    most: usize,
    budget: &Budget,
) -> Result<TreeListing, Error> {
    let failed = Libgit2Error::doing("read the commit's files");
    let links = Links {
        odb: repo.odb().map_err(failed)?,
        root: repo.find_tree(tree).map_err(failed)?,
    };
    let is_selected = |path: &RepoPath| paths.is_empty() || paths.iter().any(|selected| path.is_within(selected));
    let mut found = TreeListing::default();
    let mut folders = vec![(RepoPath::default(), tree)];
    let mut entries = 0;
    'folders: while let Some((folder, tree)) = folders.pop() {
        for entry in &repo.find_tree(tree).map_err(failed)? {
            budget.step()?;
            entries += 1;
            if entries > most {
                let kind = UnreadKind::TooMany(most);
                found.unread.push(UnreadEntry { path: folder, kind });
                break 'folders;
            }
            let entry_kind = kind(&entry);
            let Some(path) = joined(folder.as_str(), entry.name_bytes()) else {
                if is_selected(&folder) {
                    let kind = UnreadKind::Name {
                        name: shown(entry.name_bytes()),
                        is_folder: !matches!(entry_kind, Entry::File(_)),
                    };
                    let path = folder.clone();
                    found.unread.push(UnreadEntry { path, kind });
                }
                continue;
            };
            let unread = match entry_kind {
                Entry::Folder(tree) => {
                    if is_selected(&path) || paths.iter().any(|selected| selected.is_within(&path)) {
                        folders.push((path, tree));
                    }
                    continue;
                }
                _ if !is_selected(&path) => continue,
                Entry::File(blob) => {
                    found.files.push(TreeFile { path, blob });
                    continue;
                }
                Entry::Link(target) => UnreadKind::Link {
                    to_file: links.leads_to_file(&folder, target),
                },
                Entry::Submodule => UnreadKind::Submodule,
                Entry::Other(mode) => UnreadKind::Mode(format!("{mode:06o}")),
            };
            found.unread.push(UnreadEntry { path, kind: unread });
        }
    }
    found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.unread.sort_unstable();
    Ok(found)
}

/// What links of a tree are resolved with.
struct Links<'a> {
    odb: Odb<'a>,
    root: Tree<'a>,
}

impl Links<'_> {
    /// Whether a link in `folder` leads to a regular file of the tree. A link through another link counts as leading
    /// nowhere.
    fn leads_to_file(&self, folder: &RepoPath, target: Oid) -> bool {
        let is_short = self
            .odb
            .read_header(target)
            .is_ok_and(|(size, _)| size <= LONGEST_TARGET);
        let target = is_short.then(|| self.odb.read(target).ok()).flatten();
        let target = target.as_ref().and_then(|blob| std::str::from_utf8(blob.data()).ok());
        let Some(target) = target.filter(|target| !target.starts_with('/')) else {
            return false;
        };
        let mut parts: Vec<&str> = folder.as_str().split('/').filter(|part| !part.is_empty()).collect();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.pop().is_none() => return false,
                ".." => {}
                name => parts.push(name),
            }
        }
        let entry = self.root.get_path(std::path::Path::new(&parts.join("/")));
        entry.is_ok_and(|entry| matches!(kind(&entry), Entry::File(_)))
    }
}

/// An odd name for people: the characters that are not UTF-8 replaced, and cut in the middle so that the ending stays.
fn shown(name: &[u8]) -> String {
    let name: Vec<char> = String::from_utf8_lossy(name).chars().collect();
    if name.len() <= SHOWN_NAME {
        return name.into_iter().collect();
    }
    let (start, end) = (
        name.iter().take(SHOWN_NAME / 2),
        name.iter().skip(name.len() - SHOWN_NAME / 2),
    );
    start.chain(&['…']).chain(end).collect()
}
