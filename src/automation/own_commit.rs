//! Whether a commit is the agent's own. Bytes say it: anybody can write a trailer.

use super::edits;
use crate::history::{self, Bump};
use crate::manifest::{MAX_FILE_BYTES, TagChange};
use crate::model::ImageRef;
use crate::port::{ConfigRepo, HistoryCommit, RepoFailure};
use std::collections::BTreeSet;

/// The edit that a bump makes.
pub(super) fn forward(bump: &Bump) -> TagChange {
    TagChange {
        object: bump.field.object.clone(),
        field: bump.field.field.clone(),
        name: bump.new_image.as_deref().and_then(|name| ImageRef::parse(name).ok()),
        tag: bump.new.clone(),
        digest: bump.digest.clone().filter(|_| bump.pinned),
    }
}

/// Whether a commit holds our work and nothing else: its bytes are exactly what its trailers do to its parent, or it is a
/// merge in which no file differs from all parents. The committer does not matter: forges rewrite commits.
pub(super) async fn is_ours(repo: &impl ConfigRepo, commit: &HistoryCommit) -> Result<bool, RepoFailure> {
    if commit.parents.len() > 1 {
        let mut edited: BTreeSet<_> = commit.changes.iter().map(|change| &change.path).collect();
        for changes in &commit.merged {
            let here: BTreeSet<_> = changes.iter().map(|change| &change.path).collect();
            edited.retain(|path| here.contains(path));
        }
        return Ok(edited.is_empty());
    }
    let bumps = history::bumps(&commit.message);
    for change in &commit.changes {
        let (Some(before), Some(after)) = (change.before, change.after) else {
            return Ok(false);
        };
        let contents = repo.blobs(vec![before, after], MAX_FILE_BYTES).await?;
        let [Some(before), Some(after)] = <[_; 2]>::try_from(contents).unwrap_or_default() else {
            return Ok(false);
        };
        if edits::write(&change.path, &before, bumps.iter().map(forward).collect()).0 != Some(after) {
            return Ok(false);
        }
    }
    Ok(!bumps.is_empty() && !commit.changes.is_empty())
}
