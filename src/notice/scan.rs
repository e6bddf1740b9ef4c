use crate::model::{Digest, Repository};

/// What the agent reports about registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEvent {
    /// Condition: the tags of a repository cannot be listed.
    Failed {
        /// The repository.
        repository: Repository,
        /// What the registry answered, and what to do.
        error: String,
    },
    /// The registry does not report for which platforms an image is built. The image is taken unchecked.
    PlatformsUnavailable {
        /// The image's repository.
        repository: Repository,
        /// The image.
        digest: Digest,
        /// The refusal of the registry.
        reason: String,
    },
    /// The platforms of an image could not be read. The read is repeated.
    PlatformsNotRead {
        /// The image's repository.
        repository: Repository,
        /// The image.
        digest: Digest,
        /// Why.
        error: String,
    },
}

impl ScanEvent {
    pub(super) fn version(&self) -> String {
        match self {
            Self::Failed { error, .. } => error.clone(),
            Self::PlatformsUnavailable { .. } | Self::PlatformsNotRead { .. } => String::new(),
        }
    }
}
