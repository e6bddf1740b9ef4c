use crate::model::Printable;
use crate::port::ForgeFailure;
use crate::telemetry::redacted;
use serde_json::Value;
use std::time::Duration;

/// The longest part of a forge's own message that is shown, in characters.
const MAX_TEXT: usize = 300;
/// The longest wait that a forge may ask for.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// The failure of a refused call: what failed, why, and what to do.
pub(super) fn refused(forge: &str, doing: &str, status: u16, body: &[u8], wait: Option<Duration>) -> ForgeFailure {
    let message = message(body);
    let kind = kind(body);
    let limited = status == 429
        || (status == 403 && (wait.is_some() || message.to_lowercase().contains("rate limit")))
        || ["ThrottlingException", "TooManyRequestsException"].contains(&kind.as_str());
    let remedy = match status {
        _ if limited => "too many calls; the agent waits for the time that the forge asks for, then tries again",
        400 if ACCESS_DENIED.contains(&kind.as_str()) => {
            "the agent's AWS identity may not do this; allow its role codecommit:ListPullRequests, GetPullRequest, \
             CreatePullRequest, UpdatePullRequestTitle, UpdatePullRequestDescription, UpdatePullRequestStatus and \
             PostCommentForPullRequest on the repository"
        }
        400 if kind == "RepositoryDoesNotExistException" => {
            "the repository does not exist in that region; check automation.pullRequest.project and api"
        }
        400 if !kind.is_empty() => "the forge rejects this request",
        401 => "the forge rejects the token; write a valid one into the file of automation.pullRequest.tokenFile",
        403 => "the token lacks a permission; it must read and write pull requests (and labels) of this repository",
        404 => {
            "the repository does not exist, or the token may not read it; check automation.pullRequest.project, and that \
             pull requests are enabled in the repository"
        }
        409 | 422 => "the forge rejects this request",
        300..=399 => {
            "the repository or the API has moved; set automation.pullRequest.project and api to the new address"
        }
        500..=599 => "the forge has a fault; the agent tries again soon",
        _ => "the response is unexpected; check automation.pullRequest.forge and api",
    };
    let reported = if message.is_empty() {
        String::new()
    } else {
        format!("; the forge reports: {message}")
    };
    ForgeFailure {
        message: format!("{forge}: cannot {doing}: HTTP {status}: {remedy}{reported}"),
        wait: limited.then(|| wait.unwrap_or(Duration::from_secs(60)).min(MAX_WAIT)),
    }
}

/// The errors with which AWS refuses an identity that is unknown or lacks a permission. Their HTTP status is 400.
const ACCESS_DENIED: [&str; 6] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
];

/// The name of the error in a response of AWS. Other forges send none.
fn kind(body: &[u8]) -> String {
    let response: Value = serde_json::from_slice(body).unwrap_or_default();
    let kind = response.get("__type").and_then(Value::as_str).unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().to_owned()
}

/// The forge's own message: `message` (GitHub, Gitea, AWS; in GitLab also a list) or `error` (GitLab).
fn message(body: &[u8]) -> String {
    let Ok(Value::Object(response)) = serde_json::from_slice(body) else {
        return String::new();
    };
    let mut parts = Vec::new();
    for key in ["__type", "message", "Message", "error", "error_description"] {
        match response.get(key) {
            Some(Value::String(text)) => parts.push(text.clone()),
            Some(Value::Null) | None => {}
            Some(other) => parts.push(other.to_string()),
        }
    }
    let errors = response.get("errors").and_then(Value::as_array).into_iter().flatten();
    parts.extend(errors.map(
        |error| match (error.as_str(), error.get("message").and_then(Value::as_str)) {
            (Some(text), _) | (None, Some(text)) => text.to_owned(),
            _ => error.to_string(),
        },
    ));
    plain(&parts.join(": "))
}

/// A foreign text on one line, without control characters and the secrets that were sent, cut to a bounded length.
pub(super) fn plain(text: &str) -> String {
    let text = redacted(text);
    let text = Printable::new(&text).with_blanks().at_most(MAX_TEXT).to_string();
    text.trim().to_owned()
}

/// The wait that a forge asks for: `Retry-After` in seconds, or the time until its rate limit is reset.
pub(super) fn wait(header: impl Fn(&str) -> Option<String>, now: u64) -> Option<Duration> {
    let number = |name: &str| header(name)?.trim().parse::<u64>().ok();
    let spent = ["x-ratelimit-remaining", "ratelimit-remaining"]
        .iter()
        .any(|name| number(name) == Some(0));
    let reset = || number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
    let seconds = match number("retry-after") {
        Some(seconds) => Some(seconds),
        None if spent => reset().map(|at| at.saturating_sub(now).max(1)),
        None => None,
    };
    seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT))
}
