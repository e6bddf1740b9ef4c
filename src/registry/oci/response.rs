use super::error::OciError;
use crate::model::with_causes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, Url};
use serde::Deserialize;
use std::time::Duration;

/// The longest error that is read, in bytes.
const MAX_ERROR: usize = 64 << 10;

/// A response with its whole body.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The address that responded.
    pub(super) url: Url,
}

/// The response with its body, of at most `limit` bytes.
///
/// # Errors
/// The registry refused, or its response is too long or broke off.
pub(super) async fn finish(answer: Response, had_login: bool, limit: usize) -> Result<Answer, OciError> {
    if !answer.status().is_success() {
        return Err(refusal(answer, had_login).await);
    }
    let (headers, url) = (answer.headers().clone(), answer.url().clone());
    let body = read(answer, limit).await?;
    Ok(Answer { headers, body, url })
}

/// The error that the registry responded with.
pub(super) async fn refusal(answer: Response, had_login: bool) -> OciError {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: Option<String>,
        message: Option<String>,
    }
    let status = answer.status().as_u16();
    let seconds = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = read(answer, MAX_ERROR).await.unwrap_or_default();
    let errors: Option<Errors> = serde_json::from_slice(&body).ok();
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let (code, message) = first.map_or((None, None), |first| (first.code, first.message));
    OciError::Response {
        status,
        code,
        message,
        retry_after: seconds.map(Duration::from_secs),
        had_login,
    }
}

/// The body of a response, of at most `limit` bytes.
pub(super) async fn read(mut answer: Response, limit: usize) -> Result<Vec<u8>, OciError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > limit {
            return Err(OciError::Unreadable(format!(
                "the response is longer than {limit} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error of the connection, without the address, which may hold a secret.
pub(super) fn network(error: reqwest::Error) -> OciError {
    OciError::Network(with_causes(&error.without_url()))
}
