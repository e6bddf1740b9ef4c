use super::error::Error;
use crate::port::{FileEdit, NewCommit};
use std::collections::BTreeMap;

/// The edits below one folder: each edit with its path from there.
#[derive(Clone, Default)]
pub(crate) struct FolderEdits<'a>(Vec<(&'a str, &'a FileEdit)>);

impl<'a> FolderEdits<'a> {
    /// All edits of a plan, ordered by path.
    pub(crate) fn of(plan: &'a NewCommit) -> Result<Self, Error> {
        let mut edits = BTreeMap::new();
        for edit in &plan.edits {
            if edits.insert(edit.path.as_str(), edit).is_some() {
                return Err(Error::plan(format!("{} is edited twice", edit.path)));
            }
        }
        Ok(Self(edits.into_iter().collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The paths, for people.
    pub(crate) fn paths(&self) -> String {
        let paths: Vec<&str> = self.0.iter().map(|(path, _)| *path).collect();
        paths.join(", ")
    }

    /// The edits of files in the folder itself, by name, and the edits below each of its folders.
    pub(crate) fn split(&self) -> (BTreeMap<&'a str, &'a FileEdit>, BTreeMap<&'a str, Self>) {
        let mut files = BTreeMap::new();
        let mut folders: BTreeMap<&str, Self> = BTreeMap::new();
        for (path, edit) in &self.0 {
            match path.split_once('/') {
                Some((folder, rest)) => folders.entry(folder).or_default().0.push((rest, edit)),
                None => {
                    files.insert(*path, *edit);
                }
            }
        }
        (files, folders)
    }
}
