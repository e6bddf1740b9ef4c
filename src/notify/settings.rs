use std::path::PathBuf;

/// One receiver of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverSettings {
    /// A web service that takes the JSON of Tidegate.
    Webhook {
        /// Where it listens.
        address: Address,
        /// The file with the secret that signs the body.
        secret_file: Option<PathBuf>,
    },
    /// An incoming webhook of Slack, or of a chat that takes Slack's.
    Slack {
        /// The file with its address.
        url_file: PathBuf,
    },
    /// A workflow of Microsoft Teams that posts an Adaptive Card.
    Teams {
        /// The file with its address.
        url_file: PathBuf,
    },
    /// A webhook of Discord.
    Discord {
        /// The file with its address.
        url_file: PathBuf,
    },
    /// The statuses of the commits of the config repo.
    CommitStatus {
        /// The kind of forge.
        forge: StatusForge,
        /// The address of the forge's API, without a slash at its end.
        api: String,
        /// The repository as the API names it.
        project: String,
        /// The file with the API token.
        token_file: PathBuf,
        /// The beginning of the statuses' names.
        context: String,
    },
    /// The Events API of PagerDuty, version 2.
    PagerDuty {
        /// The file with the integration key.
        key_file: PathBuf,
        /// The address of the API.
        api: String,
    },
    /// A mail server.
    Email(EmailSettings),
}

/// An account of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSettings {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// Whether and how the connection is encrypted.
    pub tls: EmailTls,
    /// The sender, `Name <name@host>` or `name@host`.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
    /// The user's name, and the file with the password.
    pub login: Option<(String, PathBuf)>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailTls {
    /// After the command STARTTLS, which the server must know.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// Where a web service listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address without a secret in it.
    Url(String),
    /// The file with an address that nobody else may know.
    File(PathBuf),
}

/// A forge with commit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusForge {
    /// GitHub and GitHub Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo, Codeberg.
    Gitea,
}
