use crate::aws::{CredentialsFailure, RoleArn, cause, chain, plain};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::time::Duration;

/// Why a request or a listing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EcrError {
    /// AWS responded with an error.
    Response {
        code: Option<String>,
        message: Option<String>,
        status: u16,
        retry_after: Option<Duration>,
    },
    /// There are no credentials to sign a request with.
    Credentials(CredentialsFailure),
    /// The role that the configuration names is of another partition than the registry.
    Partition(RoleArn),
    /// One call, with all its attempts, got no response in time.
    CallTimeout(String),
    /// The connection failed or broke.
    Network(String),
    /// The response could not be read.
    Unreadable(String),
    /// AWS returned a page token twice.
    RepeatedToken,
    /// The repository has more than this number of pages.
    TooManyPages(u32),
    /// The whole listing took longer than this.
    Deadline(Duration),
    /// No reader of the registry became free within this time.
    Queue(Duration),
}

const EXPIRED: [&str; 2] = ["ExpiredTokenException", "ExpiredToken"];

impl EcrError {
    /// Whether AWS says that the credentials expired, so that new ones may help.
    pub(super) fn is_expiry(&self) -> bool {
        matches!(self, Self::Response { code: Some(code), .. } if is_expiry(code))
    }
}

/// Whether this error code says that the credentials expired.
pub(super) fn is_expiry(code: &str) -> bool {
    EXPIRED.contains(&code)
}

impl<E> From<SdkError<E, HttpResponse>> for EcrError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let Some(failure) = cause::<CredentialsFailure>(&error) {
            return Self::Credentials(failure.clone());
        }
        if let Some(found) = cause::<CredentialsError>(&error) {
            return Self::Credentials(CredentialsFailure::None { why: chain(found) });
        }
        match &error {
            SdkError::ServiceError(response) => Self::Response {
                code: response.err().code().map(plain),
                message: response.err().message().map(plain),
                status: response.raw().status().as_u16(),
                retry_after: response.raw().headers().get("retry-after").and_then(seconds),
            },
            SdkError::ResponseError(_) => Self::Unreadable(chain(&error)),
            SdkError::TimeoutError(_) => Self::CallTimeout(chain(&error)),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::CallTimeout(chain(&error)),
            _ => Self::Network(chain(&error)),
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}
