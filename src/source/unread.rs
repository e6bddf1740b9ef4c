//! The entries of a tree that are not read: which of them may hold a manifest, and what to do about these.

use super::discover::{Folders, is_manifest_name, makes_a_unit};
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{UnreadEntry, UnreadKind};

/// The findings of the entries that may hold manifests. An object that such an entry declares looks removed, so each finding
/// is an error.
pub(super) fn findings(unread: &[UnreadEntry], folders: &Folders) -> Vec<Finding> {
    let is_passed_over = |path: &RepoPath| folders.are_charts_around(path) || folders.is_hidden(path);
    let counts = |entry: &&UnreadEntry| matches!(entry.kind, UnreadKind::TooMany(_)) || !is_passed_over(&entry.path);
    let outside = unread.iter().filter(counts);
    let findings = outside.filter_map(|entry| {
        Some(Finding {
            path: entry.path.clone(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: format!("not read: {}", problem(&entry.path, &entry.kind)?),
        })
    });
    findings.collect()
}

/// What is wrong with an entry; `None` for an entry that holds no manifest, whatever it is.
fn problem(path: &RepoPath, kind: &UnreadKind) -> Option<String> {
    let may_hold = |name: &str| is_manifest_name(name) || makes_a_unit(name);
    match kind {
        UnreadKind::Link { to_file } => (!to_file || may_hold(path.file_name())).then(|| {
            "it is a symbolic link, and links are not followed; commit what it leads to in its place, or remove the link"
                .to_owned()
        }),
        UnreadKind::Submodule => Some(
            "it is a submodule, and submodules are not fetched; commit its manifests to this repository, or leave the \
             folder out of repo.paths"
                .to_owned(),
        ),
        UnreadKind::Name { name, is_folder } => (*is_folder || may_hold(name)).then(|| {
            format!("the name of its entry {name:?} is not UTF-8, is too long, or is no file name; rename the entry")
        }),
        UnreadKind::TooMany(most) => Some(format!(
            "where manifests are read, the commit has more than {most} files and folders, and the reading stopped in this \
             folder; take out what was added, or name fewer folders in repo.paths"
        )),
        UnreadKind::Mode(mode) => Some(format!(
            "it has the mode {mode}, and only regular files are read; commit it as a regular file"
        )),
    }
}
