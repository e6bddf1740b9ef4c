use super::tag_list::TagList;
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// All tags of one repository, read completely. A reading that was cut short is an error and never a `Listing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The repository.
    pub repository: Repository,
    /// All tags, ordered by name.
    pub images: TagList,
    /// How many requests the reading took.
    pub requests: u32,
}

/// Why the registry did not list a repository. Each message says what failed, where and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ListFailure {
    /// The registry reports that the repository does not exist.
    #[error("{message}")]
    NotFound {
        /// What failed, where and what to do.
        message: String,
    },
    /// The credentials are missing, have expired, or do not give access to the repository.
    #[error("{message}")]
    Denied {
        /// What failed, where and what to do.
        message: String,
    },
    /// The registry limits the rate of requests.
    #[error("{message}")]
    Throttled {
        /// What failed, where and what to do.
        message: String,
        /// The time that the registry asks the agent to wait, if it names one.
        after: Option<Duration>,
    },
    /// The agent does not support this registry.
    #[error("{message}")]
    Unsupported {
        /// What failed, where and what to do.
        message: String,
    },
    /// Any other failure: network, fault of the server, deadline, a reading that was cut short.
    #[error("{message}")]
    Failed {
        /// What failed, where and what to do.
        message: String,
    },
}

/// Reads tags and platforms of images from registries.
pub trait Registry: Send + Sync + 'static {
    /// Reads all pages of the tags of a repository, within a deadline.
    fn list(&self, repository: &Repository) -> impl Future<Output = Result<Listing, ListFailure>> + Send;

    /// Reads all pages as [`list`](Self::list) does. Returns `before` itself if the tags are the same as in `before`.
    fn list_again(
        &self,
        repository: &Repository,
        before: Option<Arc<Listing>>,
    ) -> impl Future<Output = Result<Arc<Listing>, ListFailure>> + Send {
        async move {
            let now = self.list(repository).await?;
            Ok(before
                .filter(|before| before.images == now.images)
                .unwrap_or_else(|| Arc::new(now)))
        }
    }

    /// Reads the platforms that an image is built for, within a deadline; `None` if the registry does not report them.
    fn platforms(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<Vec<Platform>>, ListFailure>> + Send {
        let _ = (repository, digest);
        async { Ok(None) }
    }
}
