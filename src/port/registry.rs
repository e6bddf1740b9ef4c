use crate::model::{Digest, Repository, Tag};
use crate::policy::Platform;
use std::future::Future;
use std::time::Duration;

/// One tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedImage {
    /// The tag.
    pub tag: Tag,
    /// What it points to.
    pub digest: Digest,
    /// When that digest was pushed; a second tag on the same digest shares it. `None` where the registry does not tell.
    pub pushed_at: Option<jiff::Timestamp>,
    /// The manifest's or artefact's media type, where the registry tells.
    pub media_type: Option<String>,
    /// Whether it can be pulled now (false: archived).
    pub pullable: bool,
}

/// Every tag of one repository, from one complete reading. A partial reading is never a `Listing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The repository.
    pub repository: Repository,
    /// All tags, ordered by name.
    pub images: Vec<TaggedImage>,
    /// Requests it took.
    pub requests: u32,
}

/// Why a repository could not be listed. The message is for people: what, where, what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ListFailure {
    /// The registry says there is no such repository.
    #[error("{message}")]
    NotFound {
        /// For people.
        message: String,
    },
    /// The credentials do not allow it, or are missing or expired.
    #[error("{message}")]
    Denied {
        /// For people.
        message: String,
    },
    /// The registry asks us to slow down.
    #[error("{message}")]
    Throttled {
        /// For people.
        message: String,
        /// How long to wait, if it said so.
        after: Option<Duration>,
    },
    /// Not a registry that we can scan.
    #[error("{message}")]
    Unsupported {
        /// For people.
        message: String,
    },
    /// Anything else: network, server fault, deadline, a reading cut short.
    #[error("{message}")]
    Failed {
        /// For people.
        message: String,
    },
}

/// Where tags are read.
pub trait Registry: Send + Sync + 'static {
    /// Reads all tags of a repository, all pages, within a deadline.
    fn list(&self, repository: &Repository) -> impl Future<Output = Result<Listing, ListFailure>> + Send;

    /// Reads the platforms that an image is built for, within a deadline; `None` where the registry does not tell.
    fn platforms(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<Vec<Platform>>, ListFailure>> + Send {
        let _ = (repository, digest);
        async { Ok(None) }
    }
}
