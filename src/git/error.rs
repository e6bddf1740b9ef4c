use super::login::LoginError;
use super::settings::Settings;
use super::words::Refusal;
use crate::model::CommitId;
use crate::port::{RepoFailure, RepoProblem};
use git2::ErrorCode;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// As many as one looks at to find a name misspelt.
const MOST_BRANCHES: usize = 6;

/// What went wrong between us and the repository. Each message says where and what to do; its cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No TCP connection.
    #[error("cannot reach {place}; check repo.url and that the network lets the agent out to it")]
    Connect {
        /// Host and port.
        place: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A phase took longer than it may.
    #[error(
        "{place} gave no answer within {after:?} ({phase}); check repo.url and the network on the way, or raise \
         repo.timeout if the server is slow"
    )]
    Silent {
        /// Host and port.
        place: String,
        /// Which phase.
        phase: &'static str,
        /// The phase's deadline.
        after: Duration,
    },
    /// The operation as a whole took longer than it may.
    #[error(
        "the transfer with {place} did not end in time, though bytes were still moving; raise repo.fetchTimeout, or set \
         repo.depth to fetch less"
    )]
    Overdue {
        /// Host and port.
        place: String,
    },
    /// The agent stops, and so does what it was waiting for.
    #[error("what was under way with {place} was ended, since the agent stops")]
    Stopped {
        /// Host and port.
        place: String,
    },
    /// The two sides do not understand each other.
    #[error("no SSH connection to {place}")]
    Handshake {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: russh::Error,
    },
    /// The connection ended in the middle.
    #[error("the connection to {place} broke{}", quoted(.words))]
    Broken {
        /// Host and port.
        place: String,
        /// What the server said before, if anything.
        words: String,
    },
    /// The host is not in known_hosts.
    #[error(
        "the host key of {place} is not known: it offers {offered}; if this is the fingerprint that the host's \
         operator publishes, add this line to repo.knownHosts: {line}"
    )]
    HostKeyUnknown {
        /// Host and port.
        place: String,
        /// Type and fingerprint.
        offered: String,
        /// The line for known_hosts.
        line: String,
    },
    /// The host has other keys in known_hosts.
    #[error(
        "the host key of {place} is {offered}, but known_hosts has {known}; somebody may be in between: compare with \
         the fingerprint that the host's operator publishes before you change repo.knownHosts"
    )]
    HostKeyChanged {
        /// Host and port.
        place: String,
        /// Type and fingerprint.
        offered: String,
        /// The known ones, with their lines.
        known: String,
    },
    /// The host's key is marked as revoked.
    #[error("the host key of {place}, {offered}, is revoked by line {line} of known_hosts")]
    HostKeyRevoked {
        /// Host and port.
        place: String,
        /// Type and fingerprint.
        offered: String,
        /// The line.
        line: usize,
    },
    /// The host's certificate is by a known authority, and cannot be used all the same.
    #[error("the host certificate of {place}, {offered}, cannot be trusted: {rule}; have the host's operator renew it")]
    HostCertificate {
        /// Host and port.
        place: String,
        /// Type and fingerprint of its key.
        offered: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// known_hosts itself cannot be used.
    #[error("known_hosts cannot be used")]
    KnownHosts(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server does not take our key.
    #[error(
        "{place} does not accept our key {fingerprint} for user {user}; add it to the repository as a deploy key with \
         write access (tidegate identity prints it)"
    )]
    KeyRefused {
        /// Host and port.
        place: String,
        /// Who we logged in as.
        user: String,
        /// Of our key.
        fingerprint: String,
    },
    /// The server does not take our login, or wants one.
    #[error("{url}: {remedy}{}", quoted(.words))]
    LoginRefused {
        /// The repository.
        url: String,
        /// What to do.
        remedy: &'static str,
        /// The server's own words.
        words: String,
    },
    /// The files with the login or the authorities cannot be used.
    #[error("cannot log in to {url} (repo.http)")]
    Login {
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: LoginError,
    },
    /// The address has no encryption.
    #[error(
        "{url} is not encrypted; write https://, or set repo.http.plaintext if everybody on the way may read along"
    )]
    Plaintext {
        /// The repository.
        url: String,
    },
    /// No TCP connection for HTTP.
    #[error("cannot reach {place}; check repo.url and that the network lets the agent out to it")]
    NoHttp {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// No TLS connection, or a certificate that is not trusted.
    #[error(
        "no TLS connection to {place}; if its certificate is signed by an authority of your own, put that authority's \
         certificate into repo.http.caFile"
    )]
    Tls {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The HTTP exchange ended in the middle.
    #[error("the exchange with {place} broke")]
    HttpBroken {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An HTTP status that says nothing about us: the server is unwell, or we are too fast.
    #[error("{url}: the server answers {status}{}", quoted(.words))]
    Status {
        /// The repository.
        url: String,
        /// Number and name.
        status: String,
        /// The server's own words.
        words: String,
    },
    /// The server ended the command without doing it.
    #[error("{url}: {meaning}{}", quoted(.words))]
    Remote {
        /// The repository.
        url: String,
        /// Our reading of the words, and what to do.
        meaning: &'static str,
        /// What kind of refusal.
        kind: Refusal,
        /// The server's own words.
        words: String,
    },
    /// The repository has no such branch.
    #[error("{url} has no branch {branch}{there}; push it first, or set repo.branch")]
    NoBranch {
        /// The repository.
        url: String,
        /// The branch.
        branch: String,
        /// What branches there are.
        there: String,
    },
    /// The bytes are not what git sends, or too many.
    #[error("what {place} sends cannot be used: {rule}")]
    Protocol {
        /// Host and port.
        place: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A fetch brings more than it may.
    #[error(
        "{url} sends more than {} MiB; if the repository really is that large, raise repo.maxSize, or set repo.depth to \
         fetch less", .limit >> 20
    )]
    TooLarge {
        /// The repository.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A commit's tree has more files than are read.
    #[error("{doing}: there are more than {limit} files; name the folders that are to be read in repo.paths")]
    TooManyFiles {
        /// What was attempted.
        doing: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A commit that the mirror does not have.
    #[error("commit {commit} is not in the mirror of {url}; its branch may have been reset")]
    NoCommit {
        /// Which.
        commit: CommitId,
        /// The repository.
        url: String,
    },
    /// libgit2 failed at something.
    #[error("cannot {doing}")]
    Git {
        /// What was attempted.
        doing: &'static str,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The mirror's folder cannot be used.
    #[error("the mirror's folder {path} cannot be used")]
    Mirror {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no room for the mirror.
    #[error(
        "the disk with the mirror's folder {path} is full; give stateDir more room, or set repo.depth to fetch less"
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: git2::Error,
    },
    /// The mirror may not be written.
    #[error("the mirror's folder {path} cannot be written; stateDir must be a folder that the agent may write")]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: git2::Error,
    },
    /// Nothing was fetched yet, or the mirror was deleted.
    #[error("there is no mirror of {url} yet; the next fetch makes it")]
    NotFetched {
        /// The repository.
        url: String,
    },
    /// A commit was asked for that cannot be made as planned.
    #[error("the commit was not made: {rule}")]
    Plan {
        /// Which rule it would break.
        rule: String,
    },
    /// The commit could not be signed.
    #[error("the commit cannot be signed with the key of automation.signing")]
    Signing(#[source] ssh_key::Error),
    /// The list of those whose signatures count cannot be used.
    #[error("repo.verify.allowedSigners cannot be used")]
    AllowedSigners(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The push's outcome could not be read back.
    #[error("the push to {url} was cut off and its outcome is not known; the next fetch will tell")]
    Doubt {
        /// The repository.
        url: String,
        /// Why the remote ref could not be read.
        #[source]
        source: Box<Error>,
    },
    /// The push was cut off before the server moved the branch.
    #[error("the push to {url} was cut off; the branch has not moved, it can be tried again")]
    CutOff {
        /// The repository.
        url: String,
        /// What cut it off.
        #[source]
        source: Box<Error>,
    },
    /// The thread that owns the mirror has ended.
    #[error("the repository's worker has ended")]
    Ended,
    /// The repository was opened outside of an async runtime.
    #[error("there is no async runtime to connect on")]
    NoRuntime,
}

impl Error {
    /// The branch is not among those that there are.
    pub(super) fn no_branch(settings: &Settings, branches: &[&str]) -> Self {
        let some = branches.get(..MOST_BRANCHES).unwrap_or(branches);
        Self::NoBranch {
            url: settings.url.to_string(),
            branch: settings.branch.to_string(),
            there: match some {
                [] => " (it is empty)".to_owned(),
                some => format!(" (there is {})", some.join(", ")),
            },
        }
    }

    /// The kind, for metrics and remedies.
    pub fn problem(&self) -> RepoProblem {
        match self {
            Self::Connect { .. }
            | Self::Silent { .. }
            | Self::Overdue { .. }
            | Self::Broken { .. }
            | Self::Handshake { .. }
            | Self::NoHttp { .. }
            | Self::HttpBroken { .. }
            | Self::Status { .. } => RepoProblem::Unreachable,
            Self::HostKeyUnknown { .. } => RepoProblem::UnknownHostKey,
            Self::HostKeyChanged { .. } | Self::HostKeyRevoked { .. } | Self::HostCertificate { .. } => {
                RepoProblem::ChangedHostKey
            }
            Self::Tls { .. } => RepoProblem::UnknownHostKey,
            Self::KeyRefused { .. } | Self::LoginRefused { .. } => RepoProblem::KeyRefused,
            Self::Remote {
                kind: Refusal::NoRepository,
                ..
            } => RepoProblem::NoRepository,
            Self::NoBranch { .. } => RepoProblem::NoBranch,
            Self::Doubt { source, .. } | Self::CutOff { source, .. } => source.problem(),
            Self::Remote { .. }
            | Self::KnownHosts(_)
            | Self::Login { .. }
            | Self::Plaintext { .. }
            | Self::Stopped { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::TooManyFiles { .. }
            | Self::Full { .. }
            | Self::Unwritable { .. }
            | Self::NoCommit { .. }
            | Self::Git { .. }
            | Self::Mirror { .. }
            | Self::NotFetched { .. }
            | Self::Plan { .. }
            | Self::Signing(_)
            | Self::AllowedSigners(_)
            | Self::Ended
            | Self::NoRuntime => RepoProblem::Other,
        }
    }

    /// Whether the exchange was cut off in the middle, so that nothing is known of its outcome.
    pub(super) fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::Silent { .. } | Self::Overdue { .. } | Self::Broken { .. } | Self::HttpBroken { .. }
        )
    }

    /// Whether the mirror itself may be to blame, so that it is worth to fetch it anew. A full or read-only disk is not
    /// among it: what is there may still be read.
    pub(super) fn is_damage(&self) -> bool {
        use git2::ErrorClass::{Config, Indexer, Object, Odb, Reference, Repository, Tree, Zlib};
        let local = [Config, Indexer, Object, Odb, Reference, Repository, Tree, Zlib];
        match self {
            Self::Git { source, .. } => {
                local.contains(&source.class()) || source.code() == ErrorCode::Locked || finds_a_lock(source)
            }
            _ => false,
        }
    }

    /// Whether there is no room on the disk.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Git { source, .. } => says(source, &["No space left on device", "Disk quota exceeded"]),
            _ => false,
        }
    }

    /// The same error, but a failure of the disk with its place.
    pub(super) fn at(self, path: PathBuf) -> Self {
        match self {
            Self::Git { source, .. } if says(&source, &["No space left on device", "Disk quota exceeded"]) => {
                Self::Full { path, source }
            }
            Self::Git { source, .. } if says(&source, &["Read-only file system", "Permission denied"]) => {
                Self::Unwritable { path, source }
            }
            other => other,
        }
    }
}

/// A fetch tells of a lock that somebody left behind by its text alone: as of a file that cannot be locked, and no reason.
fn finds_a_lock(source: &git2::Error) -> bool {
    let text = source.message().trim_end();
    text.starts_with("failed to lock file") && text.ends_with("for writing:")
}

impl From<Error> for RepoFailure {
    fn from(error: Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self {
            problem: error.problem(),
            message,
        }
    }
}

/// libgit2 passes the system's own words on, and no number.
fn says(error: &git2::Error, words: &[&str]) -> bool {
    words.iter().any(|words| error.message().contains(words))
}

fn quoted(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!("; the server says: {words}")
    }
}
