use super::error::{EcrError, is_expiry};
use crate::aws::{EcrHost, Identity};
use crate::model::Repository;
use crate::port::{ListFailure, TokenFailure};
use crate::registry::read_limits::{bounded_wait, deadline_passed, too_many_waiting};
use crate::telemetry::redacted;
use std::time::Duration;

const ACCESS_DENIED: [&str; 3] = ["AccessDeniedException", "AccessDenied", "NotAuthorized"];
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

/// What was requested: the IAM action, and the repository that it was requested for.
pub(super) struct Request<'a> {
    pub(super) action: &'static str,
    pub(super) host: &'a EcrHost,
    pub(super) repository: &'a Repository,
    /// Whose credentials signed the request.
    pub(super) identity: &'a Identity,
}

/// The error as a message for people: which repository, what failed and why, what to do.
pub(super) fn explain(error: &EcrError, request: &Request<'_>) -> ListFailure {
    let Request { host, repository, .. } = request;
    let message = |text: String| format!("{repository}: {text}");
    let failed = |text: String| ListFailure::Failed { message: message(text) };
    match error {
        EcrError::Response {
            code,
            message,
            status,
            retry_after,
        } => {
            let code = code.as_deref().unwrap_or_default();
            let reported = reported(code, message.as_deref(), *status);
            response(code, &reported, *status, *retry_after, request)
        }
        EcrError::Credentials(failure) if failure.is_transient() => failed(failure.to_string()),
        EcrError::Credentials(failure) => ListFailure::Denied {
            message: message(failure.to_string()),
        },
        EcrError::Partition(role) => ListFailure::Denied {
            message: message(format!(
                "{role} belongs to the partition {}, and the registry to {}: AWS knows no role of one partition in another; name \
                 a role of {} in roleArn",
                role.partition().name,
                host.partition.name,
                host.partition.name
            )),
        },
        EcrError::CallTimeout(why) => failed(format!(
            "ECR in {} did not respond in time: {why}; check that the agent reaches the API endpoint (route, proxy, \
             security group, VPC endpoint ecr.api)",
            host.region
        )),
        EcrError::Network(why) => failed(format!(
            "the connection to ECR in {} failed: {why}; check that the agent reaches the API endpoint and resolves its \
             name",
            host.region
        )),
        EcrError::Unreadable(why) => failed(format!(
            "the response of ECR could not be read: {why}; it is ignored, and the next scan reads again"
        )),
        EcrError::RepeatedToken => failed(
            "ECR returned the same page token twice; the pages so far are ignored, and the next scan reads again"
                .into(),
        ),
        EcrError::TooManyPages(pages) => failed(format!(
            "the repository has more than {pages} pages of images; delete old images, for example by a lifecycle policy"
        )),
        EcrError::Deadline(time) => failed(deadline_passed(*time)),
        EcrError::Queue(time) => failed(too_many_waiting(host, *time)),
    }
}

/// The error of a request for a login as a message for people.
pub(super) fn explain_token(error: &EcrError, host: &EcrHost, identity: &Identity) -> TokenFailure {
    let text = match error {
        EcrError::Response {
            code, message, status, ..
        } => {
            let code = code.as_deref().unwrap_or_default();
            let reported = reported(code, message.as_deref(), *status);
            let remedy = token_remedy(code, *status, identity);
            format!("{reported}; {remedy}")
        }
        EcrError::Credentials(failure) => failure.to_string(),
        EcrError::Partition(role) => format!(
            "{role} belongs to the partition {}, and the registry to {}; name a role of {} in roleArn",
            role.partition().name,
            host.partition.name,
            host.partition.name
        ),
        EcrError::CallTimeout(why) => format!(
            "ECR did not respond in time: {why}; check that the agent reaches the API endpoint (route, proxy, security group, \
             VPC endpoint ecr.api)"
        ),
        EcrError::Network(why) => format!(
            "the connection to ECR failed: {why}; check that the agent reaches the API endpoint and resolves its name"
        ),
        EcrError::Unreadable(why) => format!("the response of ECR could not be read: {why}; the agent asks again"),
        EcrError::Deadline(time) => deadline_passed(*time),
        // These belong to listings.
        EcrError::RepeatedToken | EcrError::TooManyPages(_) | EcrError::Queue(_) => "the request failed".to_owned(),
    };
    TokenFailure {
        message: format!("login for ECR in {}: {text}", host.region),
    }
}

fn token_remedy(code: &str, status: u16, identity: &Identity) -> String {
    if ACCESS_DENIED.contains(&code) {
        return format!(
            "allow ecr:GetAuthorizationToken on * to {}, and the rights to pull: the login opens what that role may read",
            identity.shown()
        );
    }
    let remedy = match code {
        _ if is_expiry(code) => {
            "the agent's credentials expired and the agent found no newer ones; renew them at their source"
        }
        _ if UNKNOWN_KEY.contains(&code) => {
            "AWS does not know the agent's credentials; check that they belong to this partition, that the region is enabled and \
             that the key was not deleted"
        }
        _ if BAD_SIGNATURE.contains(&code) => "check the secret key, and the clock of the agent's node",
        _ if THROTTLED.contains(&code) || status == 429 => "ECR throttles the agent, which asks again",
        _ if status >= 500 => "this is a fault on AWS's side, and the agent asks again",
        _ => "the agent asks again",
    };
    remedy.to_owned()
}

fn response(
    code: &str,
    reported: &str,
    status: u16,
    retry_after: Option<Duration>,
    request: &Request<'_>,
) -> ListFailure {
    let Request { host, repository, .. } = request;
    if code == "RepositoryNotFoundException" {
        return ListFailure::NotFound {
            message: format!(
                "{repository}: the repository does not exist in {host}: {reported}; create it, or correct the image's \
                 name in the config repo"
            ),
        };
    }
    if let Some(remedy) = access_remedy(code, request) {
        return ListFailure::Denied {
            message: format!("{repository}: {reported}; {remedy}"),
        };
    }
    if THROTTLED.contains(&code) || status == 429 {
        return ListFailure::Throttled {
            message: format!(
                "{repository}: ECR throttles the agent: {reported}; the next scan tries again; if this repeats, scan less \
                 often"
            ),
            after: bounded_wait(retry_after),
        };
    }
    let remedy = if status >= 500 {
        "this is a fault on AWS's side, and the next scan tries again"
    } else {
        "the response is ignored, and the next scan tries again"
    };
    ListFailure::Failed {
        message: format!("{repository}: {reported}; {remedy}"),
    }
}

/// What to do about an error code that denies access; `None` for every other code.
fn access_remedy(code: &str, request: &Request<'_>) -> Option<String> {
    let Request {
        action,
        host,
        repository,
        identity,
    } = request;
    if ACCESS_DENIED.contains(&code) {
        return Some(format!(
            "allow {action} on {} to {}; if that role is in another account than {}, allow it also in the repository's own \
             policy",
            host.arn(&repository.path),
            identity.shown(),
            host.account
        ));
    }
    if is_expiry(code) {
        return Some(
            "the agent's credentials expired and the agent found no newer ones; renew them at their source".into(),
        );
    }
    if UNKNOWN_KEY.contains(&code) {
        return Some(
            "AWS does not know the agent's credentials; check that they belong to this partition, that the region is \
             enabled and that the key was not deleted"
                .into(),
        );
    }
    BAD_SIGNATURE
        .contains(&code)
        .then(|| "check the secret key, and the clock of the agent's node".into())
}

/// The server's own words, without what was sent to the server.
fn reported(code: &str, message: Option<&str>, status: u16) -> String {
    match (code, message.map(redacted)) {
        ("", None) => format!("ECR responded with HTTP {status} and no reason"),
        ("", Some(message)) => format!("ECR responded with HTTP {status}: {message}"),
        (code, None) => format!("ECR reported {code}"),
        (code, Some(message)) => format!("ECR reported {code}: {}", message.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CredentialsFailure;

    const HOST: &str = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn";

    fn explained(error: &EcrError) -> ListFailure {
        let repository = Repository {
            host: HOST.to_owned(),
            path: "shop/web".to_owned(),
        };
        let request = Request {
            action: "ecr:DescribeImages",
            host: &EcrHost::parse(HOST).unwrap(),
            repository: &repository,
            identity: &Identity::Agent,
        };
        explain(error, &request)
    }

    fn kind_and_text(error: &EcrError) -> (&'static str, String) {
        let failure = explained(error);
        let kind = crate::registry::test_kind::kind(&failure);
        (kind, failure.to_string())
    }

    fn answered(code: &str, message: &str, status: u16) -> EcrError {
        EcrError::Response {
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: (!message.is_empty()).then(|| message.to_owned()),
            status,
            retry_after: None,
        }
    }

    #[test]
    fn every_response_says_where_what_and_what_to_do() {
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
            ("ThrottlingException", "Rate exceeded", 400, "throttled", "throttles"),
            ("", "", 429, "throttled", "throttles"),
            ("ServerException", "internal", 500, "failed", "AWS's side"),
            ("", "", 502, "failed", "HTTP 502"),
            ("InvalidParameterException", "bad name", 400, "failed", "bad name"),
        ] {
            let (found, text) = kind_and_text(&answered(code, message, status));
            assert_eq!(found, kind, "{code}: {text}");
            assert!(text.starts_with(&format!("{HOST}/shop/web: ")), "{text}");
            for part in [code, message.trim_end_matches('.'), remedy] {
                assert!(text.contains(part), "{part:?} is missing in: {text}");
            }
        }
    }

    fn none(why: &str) -> CredentialsFailure {
        CredentialsFailure::None { why: why.to_owned() }
    }

    #[test]
    fn every_other_error_says_what_failed() {
        for (error, kind, part) in [
            (
                EcrError::Credentials(none("no providers in chain")),
                "denied",
                "no providers in chain",
            ),
            (
                EcrError::Credentials(none("InvalidIdentityToken: Incorrect token audience")),
                "denied",
                "the audience sts.amazonaws.com, in China too",
            ),
            (EcrError::CallTimeout("timeout".into()), "failed", "ecr.api"),
            (
                EcrError::Network("connection refused".into()),
                "failed",
                "connection refused",
            ),
            (EcrError::Unreadable("body cut".into()), "failed", "is ignored"),
            (EcrError::RepeatedToken, "failed", "same page token twice"),
            (EcrError::TooManyPages(1000), "failed", "more than 1000 pages"),
            (EcrError::Deadline(Duration::from_secs(120)), "failed", "within 120 s"),
            (EcrError::Queue(Duration::from_secs(600)), "failed", "within 600 s"),
        ] {
            let (found, text) = kind_and_text(&error);
            assert_eq!(found, kind, "{text}");
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }

    #[test]
    fn a_wait_that_the_registry_asks_for_is_kept_but_bounded() {
        for (asked, kept) in [(7, 7), (1_000_000, 900)] {
            let error = EcrError::Response {
                code: Some("ThrottlingException".into()),
                message: None,
                status: 400,
                retry_after: Some(Duration::from_secs(asked)),
            };
            let ListFailure::Throttled { after, .. } = explained(&error) else {
                panic!("throttled");
            };
            assert_eq!(after, Some(Duration::from_secs(kept)));
        }
    }
}
