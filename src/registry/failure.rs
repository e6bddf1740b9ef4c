use super::host::EcrHost;
use crate::port::ListFailure;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::time::Duration;

/// What ended a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EcrError {
    /// AWS answered with an error.
    Answer {
        code: Option<String>,
        message: Option<String>,
        status: u16,
        retry_after: Option<Duration>,
    },
    /// No credentials to sign with.
    Credentials(String),
    /// One call, with all its attempts, got no answer in time.
    CallTimeout(String),
    /// No connection, or it broke.
    Network(String),
    /// An answer that cannot be read.
    Unreadable(String),
    /// A page token that has been given before.
    Loop,
    /// Still pages to come after this many.
    TooManyPages(u32),
    /// The reading as a whole took longer than this.
    Deadline(Duration),
    /// No turn among the other readings of the registry within this time.
    Queue(Duration),
}

impl EcrError {
    /// Whether new credentials may help where those in use are said to be over.
    pub(super) fn is_expiry(&self) -> bool {
        matches!(self, Self::Answer { code: Some(code), .. } if EXPIRED.contains(&code.as_str()))
    }
}

impl<E> From<SdkError<E, HttpResponse>> for EcrError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let Some(found) = source::<CredentialsError>(&error) {
            return Self::Credentials(chain(found));
        }
        match &error {
            SdkError::ServiceError(answer) => Self::Answer {
                code: answer.err().code().map(shown),
                message: answer.err().message().map(shown),
                status: answer.raw().status().as_u16(),
                retry_after: answer.raw().headers().get("retry-after").and_then(seconds),
            },
            SdkError::ResponseError(_) => Self::Unreadable(chain(&error)),
            SdkError::TimeoutError(_) => Self::CallTimeout(chain(&error)),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::CallTimeout(chain(&error)),
            _ => Self::Network(chain(&error)),
        }
    }
}

const EXPIRED: [&str; 2] = ["ExpiredTokenException", "ExpiredToken"];
const REFUSED: [&str; 3] = ["AccessDeniedException", "AccessDenied", "NotAuthorized"];
const UNKNOWN_KEY: [&str; 5] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "OptInRequired",
];
const BAD_SIGNATURE: [&str; 4] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "RequestExpired",
];
const THROTTLED: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
];

/// The longest that a registry may ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The trouble in words: which repository, what AWS said, what to do.
pub(super) fn explain(trouble: &EcrError, action: &str, name: &str, host: &EcrHost, repository: &str) -> ListFailure {
    let failed = |said: String| ListFailure::Failed {
        message: format!("{name}: {said}"),
    };
    match trouble {
        EcrError::Answer {
            code,
            message,
            status,
            retry_after,
        } => {
            let code = code.as_deref().unwrap_or_default();
            let said = said(code, message.as_deref(), *status);
            let allow = format!("allow {action} on {}", host.arn(repository));
            answer(code, &said, *status, *retry_after, name, host, &allow)
        }
        EcrError::Credentials(why) if why.contains("audience") => ListFailure::Denied {
            message: format!(
                "{name}: no AWS credentials could be had: {why}; the role's trust policy and the cluster's identity \
                 provider must name the audience sts.amazonaws.com, in China too"
            ),
        },
        EcrError::Credentials(why) => ListFailure::Denied {
            message: format!(
                "{name}: no AWS credentials could be had: {why}; give the agent's pod a role (IRSA, EKS Pod Identity, \
                 node role) or keys in its environment, then restart the pod if the role was added after its start"
            ),
        },
        EcrError::CallTimeout(why) => failed(format!(
            "no answer from ECR in {} in time: {why}; is the API endpoint reachable from the agent (route, proxy, \
             security group or VPC endpoint ecr.api)?",
            host.region
        )),
        EcrError::Network(why) => failed(format!(
            "ECR in {} could not be asked: {why}; is its API endpoint reachable and its name resolved from the agent?",
            host.region
        )),
        EcrError::Unreadable(why) => failed(format!(
            "ECR's answer could not be read to its end: {why}; nothing is concluded from it, the next scan reads anew"
        )),
        EcrError::Loop => failed(
            "ECR gave the same page token twice; nothing is concluded from the pages so far, the next scan reads anew"
                .into(),
        ),
        EcrError::TooManyPages(pages) => failed(format!(
            "more than {pages} pages of images; delete old images, for example by a lifecycle policy"
        )),
        EcrError::Deadline(time) => failed(format!(
            "not all images could be listed within {}; the next scan reads anew",
            seconds_text(*time)
        )),
        EcrError::Queue(time) => failed(format!(
            "too many readings of {host} are waiting: no turn within {}; scan less often or fewer repositories",
            seconds_text(*time)
        )),
    }
}

fn answer(
    code: &str,
    said: &str,
    status: u16,
    retry_after: Option<Duration>,
    name: &str,
    host: &EcrHost,
    allow: &str,
) -> ListFailure {
    if code == "RepositoryNotFoundException" {
        return ListFailure::NotFound {
            message: format!(
                "{name}: there is no such repository in {host}: {said}; create it, or correct the image's name in the \
                 config repo"
            ),
        };
    }
    let denied = |remedy: String| ListFailure::Denied {
        message: format!("{name}: {said}; {remedy}"),
    };
    if REFUSED.contains(&code) {
        return denied(format!(
            "{allow} to the agent's role, and if that role is in another account than {}, also in the repository's own \
             policy",
            host.account
        ));
    }
    if EXPIRED.contains(&code) {
        return denied(
            "the agent's credentials are over and no newer ones could be had: renew them where they come from".into(),
        );
    }
    if UNKNOWN_KEY.contains(&code) {
        return denied(
            "AWS does not know the agent's credentials: are they for this partition, the region enabled, the key not \
             deleted?"
                .into(),
        );
    }
    if BAD_SIGNATURE.contains(&code) {
        return denied("the secret key is wrong, or the clock of the agent's node is off".into());
    }
    if THROTTLED.contains(&code) || status == 429 {
        return ListFailure::Throttled {
            message: format!(
                "{name}: ECR asks us to slow down: {said}; the next scan tries again, scan less often if this stays"
            ),
            after: retry_after.map(|after| after.min(LONGEST_WAIT)),
        };
    }
    let remedy = if status >= 500 {
        "a fault on AWS's side, the next scan tries again"
    } else {
        "nothing is concluded from it"
    };
    ListFailure::Failed {
        message: format!("{name}: {said}; {remedy}"),
    }
}

fn said(code: &str, message: Option<&str>, status: u16) -> String {
    match (code, message) {
        ("", None) => format!("ECR answers HTTP {status} without a reason"),
        ("", Some(message)) => format!("ECR answers HTTP {status}: {message}"),
        (code, None) => format!("ECR says {code}"),
        (code, Some(message)) => format!("ECR says {code}: {}", message.trim_end_matches('.')),
    }
}

/// The error with its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    shown(&parts.join(": "))
}

fn source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Foreign words as we repeat them: one line, no control characters, of bounded length.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(600)
        .collect()
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

fn seconds_text(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn";

    fn words(trouble: &EcrError) -> (&'static str, String) {
        let host = EcrHost::parse(HOST).unwrap();
        let failure = explain(
            trouble,
            "ecr:DescribeImages",
            &format!("{HOST}/shop/web"),
            &host,
            "shop/web",
        );
        let kind = match failure {
            ListFailure::NotFound { .. } => "not found",
            ListFailure::Denied { .. } => "denied",
            ListFailure::Throttled { .. } => "throttled",
            ListFailure::Unsupported { .. } => "unsupported",
            ListFailure::Failed { .. } => "failed",
        };
        (kind, failure.to_string())
    }

    fn answered(code: &str, message: &str, status: u16) -> EcrError {
        EcrError::Answer {
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: (!message.is_empty()).then(|| message.to_owned()),
            status,
            retry_after: None,
        }
    }

    #[test]
    fn every_answer_says_where_what_and_what_to_do() {
        for (code, message, status, kind, remedy) in [
            (
                "RepositoryNotFoundException",
                "It does not exist",
                400,
                "not found",
                "create it, or correct the image's name",
            ),
            (
                "AccessDeniedException",
                "User: x is not authorized",
                400,
                "denied",
                "allow ecr:DescribeImages on arn:aws-cn:ecr:cn-north-1:111122223333:repository/shop/web",
            ),
            (
                "AccessDeniedException",
                "User: x is not authorized",
                400,
                "denied",
                "in the repository's own policy",
            ),
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
                400,
                "denied",
                "renew them",
            ),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                400,
                "denied",
                "partition",
            ),
            (
                "InvalidSignatureException",
                "Signature not yet current",
                400,
                "denied",
                "clock",
            ),
            ("ThrottlingException", "Rate exceeded", 400, "throttled", "slow down"),
            ("", "", 429, "throttled", "slow down"),
            ("ServerException", "internal", 500, "failed", "AWS's side"),
            ("", "", 502, "failed", "HTTP 502"),
            ("InvalidParameterException", "bad name", 400, "failed", "bad name"),
        ] {
            let (found, text) = words(&answered(code, message, status));
            assert_eq!(found, kind, "{code}: {text}");
            assert!(text.starts_with(&format!("{HOST}/shop/web: ")), "{text}");
            for part in [code, message.trim_end_matches('.'), remedy] {
                assert!(text.contains(part), "{part:?} is missing in: {text}");
            }
        }
    }

    #[test]
    fn what_is_not_an_answer_is_told_apart_too() {
        for (trouble, kind, part) in [
            (
                EcrError::Credentials("no providers in chain".into()),
                "denied",
                "no providers in chain",
            ),
            (
                EcrError::Credentials("InvalidIdentityToken: Incorrect token audience".into()),
                "denied",
                "the audience sts.amazonaws.com, in China too",
            ),
            (EcrError::CallTimeout("timeout".into()), "failed", "ecr.api"),
            (
                EcrError::Network("connection refused".into()),
                "failed",
                "connection refused",
            ),
            (
                EcrError::Unreadable("body cut".into()),
                "failed",
                "nothing is concluded",
            ),
            (EcrError::Loop, "failed", "same page token twice"),
            (EcrError::TooManyPages(1000), "failed", "more than 1000 pages"),
            (EcrError::Deadline(Duration::from_secs(120)), "failed", "within 120 s"),
            (EcrError::Queue(Duration::from_secs(600)), "failed", "within 600 s"),
        ] {
            let (found, text) = words(&trouble);
            assert_eq!(found, kind, "{text}");
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }

    #[test]
    fn a_wait_that_the_registry_asks_for_is_kept_but_bounded() {
        let host = EcrHost::parse(HOST).unwrap();
        for (asked, kept) in [(7, 7), (1_000_000, 900)] {
            let trouble = EcrError::Answer {
                code: Some("ThrottlingException".into()),
                message: None,
                status: 400,
                retry_after: Some(Duration::from_secs(asked)),
            };
            let ListFailure::Throttled { after, .. } = explain(&trouble, "ecr:DescribeImages", HOST, &host, "shop/web")
            else {
                panic!("throttled");
            };
            assert_eq!(after, Some(Duration::from_secs(kept)));
        }
    }

    #[test]
    fn foreign_words_are_one_line_of_bounded_length() {
        let text = shown(&format!("a\nb\u{1b}[31m{}", "x".repeat(5000)));
        assert!(
            !text.contains(['\n', '\u{1b}']) && text.chars().count() == 600,
            "{text}"
        );
    }
}
