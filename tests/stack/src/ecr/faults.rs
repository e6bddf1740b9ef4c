//! Faults on demand: which requests are spoiled, how, and how often.

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{Failure, codes};

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// `ThrottlingException` (HTTP 400), on `/v2/` 429 `TOOMANYREQUESTS`.
    Throttle,
    /// `ServerException` with this status (500, 503, ...); 502 and 504 come as a load balancer's HTML page.
    ServerError {
        /// The HTTP status, 500 to 599.
        status: u16,
    },
    /// `ExpiredTokenException`, on `/v2/` 403 `DENIED` with an expired authorization token.
    ExpiredToken,
    /// `AccessDeniedException` naming principal, action and resource; on `/v2/` 403 `DENIED`.
    AccessDenied,
    /// The answer comes whole, but only after this time.
    Delay {
        /// Milliseconds before the first byte.
        milliseconds: u64,
    },
    /// The body trickles.
    SlowBody {
        /// Rate of the body, at least 1.
        bytes_per_second: u64,
    },
    /// The connection closes after this many bytes of the body, short of the announced length.
    CutBody {
        /// Bytes of the body that are sent.
        at: usize,
    },
    /// Nothing more comes after this many bytes of the body, and the connection stays open.
    Stall {
        /// Bytes of the body that are sent.
        after: usize,
    },
}

/// A fault, the requests that it strikes, and how many of them.
///
/// Without [`on`](Fault::on), [`repository`](Fault::repository), [`account`](Fault::account) it strikes every request;
/// without [`times`](Fault::times) until [`EcrServer::clear_faults`](super::EcrServer::clear_faults). The oldest fault
/// that matches a request is the one that strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    kind: FaultKind,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    times: Option<u64>,
}

impl Fault {
    /// A fault of this kind that strikes every request.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            operation: None,
            repository: None,
            account: None,
            times: None,
        }
    }

    /// See [`FaultKind::Throttle`].
    #[must_use]
    pub fn throttle() -> Self {
        Self::new(FaultKind::Throttle)
    }

    /// See [`FaultKind::ServerError`].
    #[must_use]
    pub fn server_error(status: u16) -> Self {
        Self::new(FaultKind::ServerError { status })
    }

    /// See [`FaultKind::ExpiredToken`].
    #[must_use]
    pub fn expired_token() -> Self {
        Self::new(FaultKind::ExpiredToken)
    }

    /// See [`FaultKind::AccessDenied`].
    #[must_use]
    pub fn denied() -> Self {
        Self::new(FaultKind::AccessDenied)
    }

    /// See [`FaultKind::Delay`].
    #[must_use]
    pub fn delay(time: Duration) -> Self {
        Self::new(FaultKind::Delay {
            milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// See [`FaultKind::SlowBody`].
    #[must_use]
    pub fn slow_body(bytes_per_second: u64) -> Self {
        Self::new(FaultKind::SlowBody { bytes_per_second })
    }

    /// See [`FaultKind::CutBody`].
    #[must_use]
    pub fn cut_body(at: usize) -> Self {
        Self::new(FaultKind::CutBody { at })
    }

    /// See [`FaultKind::Stall`].
    #[must_use]
    pub fn stall(after: usize) -> Self {
        Self::new(FaultKind::Stall { after })
    }

    /// Only this operation (`DescribeImages`, `oci:manifest`; see [`Requests`](super::Requests) for the names).
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only repositories of this name; `*` stands for any run of characters.
    #[must_use]
    pub fn repository(mut self, pattern: impl Into<String>) -> Self {
        self.repository = Some(pattern.into());
        self
    }

    /// Only the registry of this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only the next `count` requests that match.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    fn strikes(&self, operation: &str, account: &str, repository: &str) -> bool {
        self.operation.as_deref().is_none_or(|wanted| wanted == operation)
            && self.account.as_deref().is_none_or(|wanted| wanted == account)
            && self
                .repository
                .as_deref()
                .is_none_or(|pattern| fits(pattern, repository))
    }
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn all(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that strikes this request, if any; one of its times is used up.
    pub(super) fn take(&mut self, operation: &str, account: &str, repository: &str) -> Option<FaultKind> {
        let at = self
            .0
            .iter()
            .position(|fault| fault.strikes(operation, account, repository))?;
        let fault = self.0.get_mut(at)?;
        let kind = fault.kind.clone();
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        if fault.times == Some(0) {
            self.0.remove(at);
        }
        Some(kind)
    }
}

impl FaultKind {
    /// The error that the API gives instead of an answer, for kinds that spoil more than the body.
    pub(super) fn failure(&self, principal: &str, operation: &str, resource: &str) -> Option<Failure> {
        Some(match self {
            Self::Throttle => Failure::new(codes::THROTTLING, "Rate exceeded"),
            Self::ServerError { status } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Failure::new(codes::SERVER, "These errors are usually caused by a server-side issue.")
                    .with_status(status)
            }
            Self::ExpiredToken => Failure::new(
                codes::EXPIRED_TOKEN,
                "The security token included in the request is expired",
            ),
            Self::AccessDenied => Failure::denied(principal, operation, resource, "identity-based"),
            Self::Delay { .. } | Self::SlowBody { .. } | Self::CutBody { .. } | Self::Stall { .. } => return None,
        })
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any run of characters.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}
