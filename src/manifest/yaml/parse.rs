use crate::manifest::yaml::events::{Event, ParseError};
use crate::manifest::yaml::{granit, rust2};

/// Parses a text to events, within the limits.
///
/// yaml-rust2 parses first. If it rejects the syntax, granit-parser decides: it accepts a tab after a colon and a flow
/// list whose lines stand at its parent's indent, and so does kubectl.
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, ParseError> {
    match rust2::parse(text) {
        Err(ParseError::Syntax(error)) => granit::parse(text).map_err(|_| ParseError::Syntax(error)),
        result => result,
    }
}
