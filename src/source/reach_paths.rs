//! The paths that kustomizations write: where they lead in the repository.

use crate::model::RepoPath;

/// What is remote, and what to do about it.
pub(super) const REMOTE: &str =
    "which is not in this repository, and remote bases are not fetched; commit a copy of it to this repository";

/// Whether kustomize would fetch what the text names.
pub(super) fn is_remote(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    text.contains("://")
        || text.starts_with("git@")
        || text.contains("?ref=")
        || text.contains(".git")
        || ["github.com", "gitlab.com", "bitbucket.org"].contains(&host)
        || host.split_once(':').is_some_and(|(name, _)| name.contains('.'))
}

/// The path that a kustomization in `folder` names.
///
/// # Errors
/// Why the path leads out of the repository.
pub(super) fn joined(folder: &RepoPath, text: &str) -> Result<RepoPath, String> {
    if text.contains("://") {
        return Err(REMOTE.to_owned());
    }
    if text.starts_with('/') {
        return Err("an absolute path; write a path relative to the kustomization".to_owned());
    }
    match folder.join(text) {
        Some(path) => path.map_err(|error| error.to_string()),
        None => Err("which lies outside of the repository; commit what it leads to".to_owned()),
    }
}
