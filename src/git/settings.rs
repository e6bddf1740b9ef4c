use super::keys::deploy_key::DeployKey;
use super::limits::Limits;
use super::transport::connection::Connection;
use super::transport::http::credentials::HttpAccess;
use super::transport::libgit2::call::TransferLimits;
use super::trust::HostKeys;
use super::url::RepoUrl;
use crate::model::{Author, BranchName, RepoPath};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that opening a repository needs.
#[derive(Clone)]
pub struct Settings {
    /// The repository's address.
    pub url: RepoUrl,
    /// The branch to read and write.
    pub branch: BranchName,
    /// A folder for the mirror. Everything in the folder may be deleted at any time.
    pub mirror_dir: PathBuf,
    /// The key to log in with over SSH.
    pub key: Arc<DeployKey>,
    /// The trusted host keys.
    pub host_keys: HostKeys,
    /// The login and the certificate authorities for an HTTP address, instead of `key` and `host_keys`.
    pub http: HttpAccess,
    /// Author and committer of our commits.
    pub author: Author,
    /// The longest silence of the server. Connecting and logging in may take 10 s each at most.
    pub timeout: Duration,
    /// How much is fetched and read.
    pub limits: Limits,
    /// The folders that are read; everything, if empty. The history names no other files.
    pub paths: Vec<RepoPath>,
}

impl Settings {
    /// A connection that is not open yet.
    pub(crate) fn connection(&self) -> Connection {
        Connection::new(
            self.url.clone(),
            self.timeout,
            Arc::clone(&self.key),
            self.host_keys.clone(),
            self.http.clone(),
        )
    }
}

impl Limits {
    pub(crate) fn of_transfer(&self) -> TransferLimits {
        TransferLimits {
            time: self.time,
            size: self.size,
        }
    }
}
