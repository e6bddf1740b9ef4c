//! Faults on demand: which requests fail, how, and how often.

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{Failure, codes};

/// The kind of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// `ThrottlingException` (HTTP 400), on `/v2/` 429 `TOOMANYREQUESTS`.
    Throttle,
    /// `ServerException` with this status (500, 503, ...). For 502 and 504, the body is the HTML page of a load balancer.
    ServerError {
        /// The HTTP status, 500 to 599.
        status: u16,
    },
    /// `ExpiredTokenException`, on `/v2/` 403 `DENIED` with an expired authorization token.
    ExpiredToken,
    /// `AccessDeniedException` naming principal, action and resource; on `/v2/` 403 `DENIED`.
    AccessDenied,
    /// The complete response, after a delay.
    Delay {
        /// The delay before the first byte, in milliseconds.
        milliseconds: u64,
    },
    /// A slow body.
    SlowBody {
        /// The rate of the body in bytes per second, at least 1.
        bytes_per_second: u64,
    },
    /// The connection closes inside the body, before the announced length.
    CutBody {
        /// The number of bytes of the body that are sent.
        at: usize,
    },
    /// The body stops, and the connection stays open.
    Stall {
        /// The number of bytes of the body that are sent.
        after: usize,
    },
}

/// A fault, the requests that it applies to, and the number of these requests.
///
/// Without [`on`](Fault::on), [`repository`](Fault::repository) and [`account`](Fault::account), a fault applies to every
/// request. Without [`times`](Fault::times), it applies until
/// [`EcrServer::clear_faults`](super::EcrServer::clear_faults). If several faults match a request, the oldest applies.
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
    /// A fault of a kind that applies to every request.
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

    /// Limits the fault to an operation (`DescribeImages`, `oci:manifest`; [`Requests`](super::Requests) lists the names).
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Limits the fault to repositories of this name. `*` matches any run of characters.
    #[must_use]
    pub fn repository(mut self, pattern: impl Into<String>) -> Self {
        self.repository = Some(pattern.into());
        self
    }

    /// Limits the fault to the registry of this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Limits the fault to the next `count` matching requests.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    fn strikes(&self, operation: &str, account: &str, repository: &str) -> bool {
        self.operation.as_deref().is_none_or(|only| only == operation)
            && self.account.as_deref().is_none_or(|only| only == account)
            && self
                .repository
                .as_deref()
                .is_none_or(|pattern| fits(pattern, repository))
    }
}

/// The active faults, oldest first.
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

    /// The fault that applies to this request, if any. It uses up one of the fault's times.
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
    /// The error that the API returns, for kinds that affect more than the body.
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

/// Whether `name` matches `pattern`, in which `*` matches any run of characters.
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
