//! Texts of AWS and of its SDK, made fit for messages.

use crate::model::Printable;
use std::error::Error;

/// The longest text of AWS that is repeated, in characters.
const MAX_TEXT: usize = 600;

/// A text of AWS on one line, without control characters, of bounded length.
pub(crate) fn plain(text: &str) -> String {
    Printable::new(text).with_blanks().at_most(MAX_TEXT).to_string()
}

/// The error with its causes. A cause is left out if an outer error contains its text.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    plain(&parts.join(": "))
}

/// The first error of this type among the error and its causes.
pub(crate) fn source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_aws_becomes_one_line_of_bounded_length() {
        let text = plain(&format!("a\nb\u{1b}[31m{}", "x".repeat(5000)));
        assert!(
            !text.contains(['\n', '\u{1b}']) && text.chars().count() == 600,
            "{text}"
        );
    }
}
