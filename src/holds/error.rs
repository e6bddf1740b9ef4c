use crate::manifest::Refused;
use crate::model::RepoPath;
use crate::port::RepoFailure;

/// Why holds were not listed or lifted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository could not be read or written.
    #[error(transparent)]
    Repo(#[from] RepoFailure),
    /// The selector names an object without image fields.
    #[error("there is no image field of {object}; {held}")]
    NoField {
        /// The object, as the selector names it.
        object: String,
        /// All that is held, for people.
        held: String,
    },
    /// The selector's name fits objects of several namespaces.
    #[error("{object} is in several namespaces; name its namespace with -n; {held}")]
    SeveralNamespaces {
        /// The object, as the selector names it.
        object: String,
        /// All that is held, for people.
        held: String,
    },
    /// A file of a held field cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: RepoPath,
        /// What is wrong with the file.
        reason: &'static str,
    },
    /// The released tag cannot be written into a file.
    #[error("{0}")]
    Edit(Refused),
    /// The newest commit of the branch may not be applied.
    #[error("nothing was changed, since the branch's tip is not verified: {problem}")]
    Unverified {
        /// Why the tip may not be applied.
        problem: String,
    },
    /// The server refused the commit.
    #[error("nothing was changed, since the server refused the commit: {words}")]
    Refused {
        /// The server's words.
        words: String,
    },
    /// The deploy key may not write.
    #[error(
        "the deploy key may not write: {words}; give it write access (`tidegate identity` prints it), or use --repo, \
         which pushes in your own name"
    )]
    ReadOnly {
        /// The server's words.
        words: String,
    },
    /// Each push of the commit lost a race against another push.
    #[error("other pushes moved the branch {tries} times before the commit landed; run the command again")]
    Raced {
        /// How often the commit was pushed.
        tries: u32,
    },
}
