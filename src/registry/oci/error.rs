use std::time::Duration;

/// Why a request or a listing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OciError {
    /// The settings of the registry cannot be used.
    Settings(String),
    /// The login cannot be read.
    Login(String),
    /// The host has a private address, and the configuration does not name the host.
    Private(String),
    /// The connection failed or broke.
    Network(String),
    /// The registry responded with an error.
    Response {
        status: u16,
        code: Option<String>,
        message: Option<String>,
        retry_after: Option<Duration>,
        /// Whether a login was sent.
        had_login: bool,
    },
    /// The token server that the registry names did not give a token.
    Token {
        realm: String,
        reason: String,
        status: Option<u16>,
    },
    /// A redirect leads to another domain.
    Redirect(String),
    /// The response cannot be read.
    Unreadable(String),
    /// The next page is said to be on another server or in another list.
    ForeignLink(String),
    /// The registry named a page twice.
    RepeatedPage,
    /// The listing has more pages than the limit.
    TooManyPages(u32),
    /// The listing took too long.
    Deadline(Duration),
    /// None of the registry's readers became free in time.
    Queue(Duration),
}
