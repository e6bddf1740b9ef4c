use super::error::OciError;
use crate::model::{Printable, Repository};
use crate::port::ListFailure;
use crate::registry::read_limits::{bounded_wait, deadline_passed, too_many_waiting};
use crate::telemetry::redacted;
use std::time::Duration;

/// The longest message of a registry that is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

/// What failed, where, why, and what to do.
pub(super) fn explain(error: &OciError, repository: &Repository) -> ListFailure {
    let host = &repository.host;
    let at = |text: String| format!("{repository}: {text}");
    let failed = |text: String| ListFailure::Failed { message: at(text) };
    let denied = |text: String| ListFailure::Denied { message: at(text) };
    match error {
        OciError::Settings(why) => denied(format!("{why}; correct the entry of {host} under registries")),
        OciError::Login(why) => denied(format!("the login cannot be read: {}", shown(why))),
        OciError::Private(address) => denied(format!(
            "{address} is an address of a private network; if the registry is there, name {host} under registries"
        )),
        OciError::Network(why) => failed(format!(
            "{host} cannot be reached: {}; check the name, the network policy and the registry's certificate",
            shown(why)
        )),
        OciError::Response {
            status,
            code,
            message,
            retry_after,
            had_login,
        } => response(
            *status,
            code.as_deref(),
            message.as_deref(),
            *retry_after,
            *had_login,
            repository,
        ),
        OciError::Token { realm, reason, status } => {
            let text = format!("{} gave no token: {}", shown(realm), shown(reason));
            match status {
                Some(400 | 401 | 403) => denied(format!("{text}; {}", remedy(host))),
                _ => failed(format!("{text}; the next scan tries again")),
            }
        }
        OciError::Redirect(target) => failed(format!(
            "{host} redirects to {}, which is not followed; write the host that serves the images into the manifest",
            shown(target)
        )),
        OciError::Unreadable(why) => failed(format!("{}; check that {host} is a registry", shown(why))),
        OciError::ForeignLink(target) => failed(format!(
            "{host} names {} as the next page of tags, which is not on this registry; the listing is not complete and counts \
             for nothing",
            shown(target)
        )),
        OciError::RepeatedPage => failed(format!(
            "{host} names a page of tags twice; the listing is not complete and counts for nothing"
        )),
        OciError::TooManyPages(pages) => failed(format!(
            "the repository has more than {pages} pages of tags; delete old tags"
        )),
        OciError::Deadline(time) => failed(deadline_passed(*time)),
        OciError::Queue(time) => failed(too_many_waiting(host, *time)),
    }
}

fn response(
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
    retry_after: Option<Duration>,
    had_login: bool,
    repository: &Repository,
) -> ListFailure {
    let host = &repository.host;
    let reported = match (code, message) {
        (None, None) => format!("{host} responded with HTTP {status}"),
        (code, message) => {
            let words: Vec<&str> = [code, message]
                .into_iter()
                .flatten()
                .filter(|word| !word.is_empty())
                .collect();
            format!("{host} responded with HTTP {status}: {}", shown(&words.join(": ")))
        }
    };
    let message = |remedy: String| format!("{repository}: {reported}; {remedy}");
    match status {
        401 if had_login => ListFailure::Denied {
            message: message(format!(
                "the login is wrong or has ended: renew it in the docker config file of {host}"
            )),
        },
        401 => ListFailure::Denied {
            message: message(remedy(host)),
        },
        403 => ListFailure::Denied {
            message: message(
                "the login may not pull from the repository: give it this right at the registry".to_owned(),
            ),
        },
        404 => ListFailure::NotFound {
            message: message("create the repository, or correct the image's name in the config repo".to_owned()),
        },
        429 => ListFailure::Throttled {
            message: message("the next scan tries again; if this repeats, scan less often, or log in".to_owned()),
            after: bounded_wait(retry_after),
        },
        500.. => ListFailure::Failed {
            message: message("this is a fault of the registry, and the next scan tries again".to_owned()),
        },
        _ => ListFailure::Failed {
            message: message("the response is ignored, and the next scan tries again".to_owned()),
        },
    }
}

fn remedy(host: &str) -> String {
    format!(
        "if the repository is private, set dockerConfig to a docker config file with a login for {host} in the entry of {host} \
         under registries"
    )
}

/// A text of the registry on one line, without secrets.
fn shown(text: &str) -> String {
    Printable::new(&redacted(text)).at_most(LONGEST_MESSAGE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(error: &OciError) -> (&'static str, String) {
        let repository = Repository {
            host: "ghcr.io".to_owned(),
            path: "acme/web".to_owned(),
        };
        let failure = explain(error, &repository);
        let kind = crate::registry::test_kind::kind(&failure);
        (kind, failure.to_string())
    }

    #[test]
    fn every_error_says_where_what_and_what_to_do() {
        let answered = |status, code: Option<&str>, had_login| OciError::Response {
            status,
            code: code.map(str::to_owned),
            message: code.map(|_| "no\u{1b}[31m".to_owned()),
            retry_after: None,
            had_login,
        };
        let token = |status| OciError::Token {
            realm: "https://ghcr.io/token".into(),
            reason: "HTTP 403".into(),
            status,
        };
        for (error, kind, part) in [
            (answered(401, Some("UNAUTHORIZED"), false), "denied", "set dockerConfig"),
            (answered(401, None, true), "denied", "renew it"),
            (answered(403, Some("DENIED"), true), "denied", "give it this right"),
            (
                answered(404, Some("NAME_UNKNOWN"), true),
                "not found",
                "NAME_UNKNOWN: no",
            ),
            (
                answered(429, Some("TOOMANYREQUESTS"), true),
                "throttled",
                "scan less often",
            ),
            (answered(503, None, true), "failed", "fault of the registry"),
            (answered(418, None, true), "failed", "HTTP 418"),
            (token(Some(403)), "denied", "set dockerConfig"),
            (token(None), "failed", "gave no token"),
            (
                OciError::Private("169.254.169.254".into()),
                "denied",
                "name ghcr.io under registries",
            ),
            (
                OciError::Redirect("https://evil.example/".into()),
                "failed",
                "not followed",
            ),
            (
                OciError::ForeignLink("//evil.example/".into()),
                "failed",
                "counts for nothing",
            ),
            (OciError::RepeatedPage, "failed", "twice"),
            (OciError::TooManyPages(1000), "failed", "1000 pages"),
            (OciError::Deadline(Duration::from_secs(120)), "failed", "within 120 s"),
        ] {
            let (found, text) = explained(&error);
            assert_eq!(found, kind, "{text}");
            assert!(text.starts_with("ghcr.io/acme/web: ") && text.contains(part), "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}
