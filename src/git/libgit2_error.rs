use git2::ErrorClass::{Config, Indexer, Object, Odb, Reference, Repository, Tree, Zlib};
use git2::{ErrorClass, ErrorCode};

/// A call of libgit2 failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub(crate) struct Libgit2Error {
    /// What was attempted, in the infinitive.
    doing: &'static str,
    source: git2::Error,
}

/// The classes of errors that a damaged mirror causes.
const MIRROR_CLASSES: [ErrorClass; 8] = [Config, Indexer, Object, Odb, Reference, Repository, Tree, Zlib];

impl Libgit2Error {
    /// Wraps an error of libgit2, for `map_err`.
    pub(crate) fn doing(doing: &'static str) -> impl Fn(git2::Error) -> Self + Copy {
        move |source| Self { doing, source }
    }

    /// Whether the mirror itself may be the cause, so that fetching it anew may help. A full or read-only disk does not
    /// count: the existing mirror may still be read.
    pub(crate) fn is_damage(&self) -> bool {
        MIRROR_CLASSES.contains(&self.source.class())
            || self.source.code() == ErrorCode::Locked
            || self.is_about_a_lock_file()
    }

    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        self.mentions(&["No space left on device", "Disk quota exceeded"])
    }

    /// Whether the folder may not be written.
    pub(crate) fn is_unwritable(&self) -> bool {
        self.mentions(&["Read-only file system", "Permission denied"])
    }

    /// libgit2's own error.
    pub(crate) fn into_source(self) -> git2::Error {
        self.source
    }

    /// A fetch reports a leftover lock file only by its text: a file that cannot be locked, without a reason.
    fn is_about_a_lock_file(&self) -> bool {
        let text = self.source.message().trim_end();
        text.starts_with("failed to lock file") && text.ends_with("for writing:")
    }

    /// libgit2 passes on the system's message, but not its error number.
    fn mentions(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.source.message().contains(phrase))
    }
}
