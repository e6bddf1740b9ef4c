use super::http::CredentialsError;
use super::server_message::Refusal;
use crate::git::budget::Exhausted;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::trust;
use crate::port::RepoProblem;
use std::io;
use std::time::Duration;

/// The server cannot be reached, or does not do what it is asked to. `server` is its host and port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot reach {server}; check repo.url, and that the network lets the agent connect to the server")]
    Connect {
        server: String,
        #[source]
        source: io::Error,
    },
    /// The server was silent for too long. `phase` says what the agent waited for.
    #[error(
        "{server} did not answer within {after:?} ({phase}); check repo.url and the network, or raise \
         repo.timeout if the server is slow"
    )]
    Silent {
        server: String,
        phase: &'static str,
        after: Duration,
    },
    /// The operation as a whole took too long, though the server was not silent.
    #[error(
        "the transfer with {server} did not end in time, though bytes were still moving; raise repo.fetchTimeout, or set \
         repo.depth to fetch less"
    )]
    Overdue { server: String },
    #[error("the exchange with {server} was ended, since the agent stops")]
    Stopped { server: String },
    #[error("no SSH connection to {server}")]
    Handshake {
        server: String,
        #[source]
        source: russh::Error,
    },
    #[error("the connection to {server} broke{}", server_says(.message))]
    Broken {
        server: String,
        /// The server's last message; may be empty.
        message: String,
    },
    #[error(
        "the host key of {server} is not known: the host offers {offered}; if this is the fingerprint that the host's \
         operator publishes, add this line to repo.knownHosts: {line}"
    )]
    HostKeyUnknown {
        server: String,
        /// Type and fingerprint.
        offered: String,
        /// The line for known_hosts.
        line: String,
    },
    #[error(
        "the host key of {server} is {offered}, but known_hosts has {known}; another server may answer in its name: compare with \
         the fingerprint that the host's operator publishes before you change repo.knownHosts"
    )]
    HostKeyChanged {
        server: String,
        /// Type and fingerprint.
        offered: String,
        /// The keys in known_hosts, with their lines.
        known: String,
    },
    #[error("the host key of {server}, {offered}, is revoked by line {line} of known_hosts")]
    HostKeyRevoked {
        server: String,
        /// Type and fingerprint.
        offered: String,
        line: usize,
    },
    /// A known authority has signed the host's certificate, but the certificate is not valid.
    #[error(
        "the host certificate of {server}, {offered}, cannot be trusted: {rule}; have the host's operator renew it"
    )]
    HostCertificate {
        server: String,
        /// Type and fingerprint of the certificate's key.
        offered: String,
        rule: &'static str,
    },
    #[error("known_hosts cannot be used")]
    KnownHosts(#[source] trust::Error),
    #[error(
        "{server} does not accept our key {fingerprint} for user {user}; add it to the repository as a deploy key with \
         write access (tidegate identity prints it)"
    )]
    KeyRejected {
        server: String,
        user: String,
        fingerprint: String,
    },
    /// The server rejects the HTTP credentials, or asks for some.
    #[error("{url}: {remedy}{}", server_says(.message))]
    LoginRejected {
        url: String,
        remedy: &'static str,
        /// The server's own words; may be empty.
        message: String,
    },
    #[error("cannot log in to {url} (repo.http)")]
    Credentials {
        url: String,
        #[source]
        source: CredentialsError,
    },
    #[error(
        "{url} is not encrypted; write https://, or set repo.http.plaintext if others on the network may read the traffic"
    )]
    Plaintext { url: String },
    #[error("cannot reach {server}; check repo.url, and that the network lets the agent connect to the server")]
    HttpConnect {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    /// TLS failed, or the certificate is not trusted.
    #[error(
        "no TLS connection to {server}; if its certificate is signed by an authority of your own, put that authority's \
         certificate into repo.http.caFile"
    )]
    Tls {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the exchange with {server} broke")]
    HttpBroken {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    /// An HTTP status that says nothing about our rights: the server is ill, or we ask too often.
    #[error("{url}: the server answers {status}{}", server_says(.message))]
    Status {
        url: String,
        /// Number and name.
        status: String,
        /// The server's own words; may be empty.
        message: String,
    },
    /// The server refuses the command.
    #[error("{url}: {meaning}{}", server_says(.message))]
    Refused {
        url: String,
        /// What the refusal means, and what to do.
        meaning: &'static str,
        kind: Refusal,
        /// The server's own words; may be empty.
        message: String,
    },
    #[error("the answer of {server} cannot be used: {rule}")]
    NotGit { server: String, rule: &'static str },
    #[error(
        "{url} sends more than {} MiB; if the repository really is that large, raise repo.maxSize, or set repo.depth to \
         fetch less", .limit >> 20
    )]
    TooLarge {
        url: String,
        /// In bytes.
        limit: u64,
    },
    #[error(
        "{url} sends a commit, folder or change of a file that is too large to be read (64 MiB and more); take what was \
         pushed off the branch"
    )]
    HugeObject { url: String },
    #[error("{url} sends more than {limit} objects; set repo.depth to fetch less")]
    TooManyObjects { url: String, limit: usize },
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    #[error(transparent)]
    Libgit2(#[from] Libgit2Error),
}

impl Error {
    /// The kind of problem, for metrics and remedies.
    pub(crate) fn problem(&self) -> RepoProblem {
        match self {
            Self::Connect { .. }
            | Self::Silent { .. }
            | Self::Overdue { .. }
            | Self::Broken { .. }
            | Self::Handshake { .. }
            | Self::HttpConnect { .. }
            | Self::HttpBroken { .. }
            | Self::Status { .. } => RepoProblem::Unreachable,
            Self::HostKeyUnknown { .. } | Self::Tls { .. } => RepoProblem::UnknownHostKey,
            Self::HostKeyChanged { .. } | Self::HostKeyRevoked { .. } | Self::HostCertificate { .. } => {
                RepoProblem::ChangedHostKey
            }
            Self::KeyRejected { .. } | Self::LoginRejected { .. } => RepoProblem::KeyRefused,
            Self::Refused {
                kind: Refusal::NoRepository,
                ..
            } => RepoProblem::NoRepository,
            Self::Refused { .. }
            | Self::KnownHosts(_)
            | Self::Credentials { .. }
            | Self::Plaintext { .. }
            | Self::Stopped { .. }
            | Self::NotGit { .. }
            | Self::TooLarge { .. }
            | Self::HugeObject { .. }
            | Self::TooManyObjects { .. }
            | Self::Exhausted(_)
            | Self::Libgit2(_) => RepoProblem::Other,
        }
    }

    /// Whether the exchange was cut off in the middle, so that its outcome is not known.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::Silent { .. } | Self::Overdue { .. } | Self::Broken { .. } | Self::HttpBroken { .. }
        )
    }
}

fn server_says(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!("; the server says: {message}")
    }
}
