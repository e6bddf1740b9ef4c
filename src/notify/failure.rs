use crate::model::Printable;
use crate::port::{DeliveryFailure, Retry};
use crate::telemetry::redacted;
use std::path::Path;
use std::time::Duration;

/// The longest part of a receiver's own message that is shown, in characters.
const MAX_TEXT: usize = 200;

/// A file that a person must repair. The next try reads the file again.
pub(super) fn unusable_file(path: &Path, what: &str, why: &str) -> DeliveryFailure {
    DeliveryFailure {
        message: format!("cannot read {what} from {}: {why}", path.display()),
        retry: Retry::Later,
    }
}

/// No answer came. The causes of an HTTP client name addresses, so only the kind of failure is shown.
pub(super) fn no_answer(error: &reqwest::Error) -> DeliveryFailure {
    let what = if error.is_timeout() {
        "the receiver did not answer in time"
    } else if error.is_connect() {
        "the receiver cannot be reached: check its address, the DNS, network policies and certificates"
    } else if error.is_builder() {
        "the receiver's address is not valid: expected one like https://chat.acme.example/hooks/1"
    } else {
        "the connection to the receiver broke"
    };
    DeliveryFailure {
        message: what.to_owned(),
        retry: Retry::Later,
    }
}

/// The receiver refused the message.
pub(super) fn refused(status: u16, body: &[u8], wait: Option<Duration>) -> DeliveryFailure {
    let remedy = match status {
        429 => "too many messages: the agent waits as long as the receiver asks for",
        400 | 413 | 422 => "the receiver does not take this message",
        401 | 403 => "the receiver refuses the agent: check the token, the secret or the address in its file",
        404 | 410 => "the receiver is gone: check the address or the repository, and whether the webhook still exists",
        300..=399 => "the receiver has moved: write its new address",
        500..=599 => "the receiver has a fault",
        _ => "the answer is unexpected",
    };
    let text = redacted(&String::from_utf8_lossy(body));
    let text = Printable::new(&text).with_blanks().at_most(MAX_TEXT).to_string();
    let answer = match text.trim() {
        "" => String::new(),
        text => format!("; it answers: {text}"),
    };
    DeliveryFailure {
        message: format!("HTTP {status}: {remedy}{answer}"),
        retry: match (status, wait) {
            (400 | 413 | 422, _) => Retry::Never,
            (_, Some(wait)) => Retry::After(wait),
            _ => Retry::Later,
        },
    }
}

/// A name that stands for a metadata service.
pub(super) fn unreachable_host() -> DeliveryFailure {
    DeliveryFailure {
        message: "the receiver's name stands for a link-local address alone, and no message goes there".to_owned(),
        retry: Retry::Later,
    }
}
