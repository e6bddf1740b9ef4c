use crate::model::{Digest, Repository, Tag};
use crate::policy::Platform;
use std::future::Future;
use std::time::Duration;

/// One tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedImage {
    /// The tag.
    pub tag: Tag,
    /// The digest that the tag points to.
    pub digest: Digest,
    /// When the digest was pushed. Tags on the same digest share this time. `None` if the registry does not report it.
    pub pushed_at: Option<jiff::Timestamp>,
    /// The media type of the manifest or artefact; `None` if the registry does not report it.
    pub media_type: Option<String>,
    /// Whether the image can be pulled now. False for an archived image.
    pub pullable: bool,
}

/// All tags of one repository, read completely. A reading that was cut short is an error and never a `Listing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The repository.
    pub repository: Repository,
    /// All tags, ordered by name.
    pub images: Vec<TaggedImage>,
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
