use crate::port::ForgeFailure;
use serde_json::Value;
use std::time::Duration;

/// How much of a forge's own words is shown.
const LONGEST_WORDS: usize = 300;
/// No forge is left alone for longer than this, whatever it says.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What a refused call means, and what to do about it.
pub(super) fn refused(forge: &str, doing: &str, status: u16, body: &[u8], wait: Option<Duration>) -> ForgeFailure {
    let words = words(body);
    let kind = kind(body);
    let limited = status == 429
        || (status == 403 && (wait.is_some() || words.to_lowercase().contains("rate limit")))
        || ["ThrottlingException", "TooManyRequestsException"].contains(&kind.as_str());
    let remedy = match status {
        _ if limited => "too many calls; it is asked again when its time is over",
        400 if REFUSED.contains(&kind.as_str()) => {
            "the agent's AWS identity may not do this; allow its role codecommit:ListPullRequests, GetPullRequest, \
             CreatePullRequest, UpdatePullRequestTitle, UpdatePullRequestDescription, UpdatePullRequestStatus and \
             PostCommentForPullRequest on the repository"
        }
        400 if kind == "RepositoryDoesNotExistException" => {
            "there is no such repository in that region; check automation.pullRequest.project and api"
        }
        400 if !kind.is_empty() => "the forge does not take this request",
        401 => "the token is not accepted; put a valid one into automation.pullRequest.tokenFile",
        403 => "the token may not do this; it needs to read and write pull requests (and labels) of this repository",
        404 => {
            "there is no such repository, or the token may not see it; check automation.pullRequest.project, and that pull \
             requests are switched on there"
        }
        409 | 422 => "the forge does not take this request",
        300..=399 => {
            "the repository or the API has moved; set automation.pullRequest.project and api to where it is now"
        }
        500..=599 => "the forge has trouble; it is asked again soon",
        _ => "this answer is not understood; check automation.pullRequest.forge and api",
    };
    let said = if words.is_empty() {
        String::new()
    } else {
        format!("; it says: {words}")
    };
    ForgeFailure {
        message: format!("{forge}: cannot {doing}: HTTP {status}: {remedy}{said}"),
        wait: limited.then(|| wait.unwrap_or(Duration::from_secs(60)).min(LONGEST_WAIT)),
    }
}

/// What AWS says, with status 400, of an identity that it does not know or that may not.
const REFUSED: [&str; 6] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
];

/// The name of AWS's error; other forges have none.
fn kind(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let kind = answer.get("__type").and_then(Value::as_str).unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().to_owned()
}

/// The words in which forges explain themselves: `message` (GitHub, Gitea, AWS; GitLab: also lists), `error` (GitLab).
fn words(body: &[u8]) -> String {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return String::new();
    };
    let mut parts = Vec::new();
    for key in ["__type", "message", "Message", "error", "error_description"] {
        match answer.get(key) {
            Some(Value::String(text)) => parts.push(text.clone()),
            Some(Value::Null) | None => {}
            Some(other) => parts.push(other.to_string()),
        }
    }
    let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    parts.extend(errors.map(
        |error| match (error.as_str(), error.get("message").and_then(Value::as_str)) {
            (Some(text), _) | (None, Some(text)) => text.to_owned(),
            _ => error.to_string(),
        },
    ));
    plain(&parts.join(": "))
}

/// A foreign text on one line, without control characters, cut.
pub fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_WORDS)
        .collect();
    text.trim().to_owned()
}

/// When a forge wants to be asked again: `Retry-After` in seconds, or the time at which its limit is reset.
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
    seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}
