//! A mirror may lack objects that were too large to be fetched. A file next to the objects says so: an object that is missing
//! there is no damage.

use crate::git::libgit2_error::Libgit2Error;
use git2::Repository;
use std::path::PathBuf;

/// Notes that objects were left out of this mirror.
pub(crate) fn note(mirror: &Repository) -> Result<(), Libgit2Error> {
    std::fs::write(file(mirror), "").map_err(|error| {
        let error = git2::Error::from_str(&error.to_string());
        Libgit2Error::doing("note in the mirror that objects were left out")(error)
    })
}

/// Whether objects were left out of this repository.
pub(crate) fn are_there(repo: &Repository) -> bool {
    file(repo).exists()
}

fn file(repo: &Repository) -> PathBuf {
    repo.path().join("objects/left-out")
}
