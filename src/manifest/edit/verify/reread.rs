use crate::manifest::edit::change::Refusal;
use crate::manifest::yaml::events::{Event, ParseError};
use crate::manifest::yaml::limits::{self, FileError};
use crate::manifest::yaml::tree::{self, Tree};
use crate::manifest::yaml::{granit, rust2};
use crate::model::Position;

/// The position of a refusal that is about the whole file.
pub(crate) const START: Position = Position { line: 1, column: 1 };

/// A file's bytes before and after an edit.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub old: &'a [u8],
    pub new: &'a [u8],
    /// Whether the file is JSON and must stay JSON.
    pub json: bool,
    /// The position of a refusal that has no position of its own.
    pub at: Position,
}

/// Reads both texts again with both parsers, and returns the trees of the new text.
///
/// `compare` gets the old and the new events, once for each parser that can read the old text. `agree` gets the new
/// events of both parsers.
///
/// # Errors
/// The new text cannot be read, is no longer JSON, or a comparison fails.
pub(crate) fn reread(
    texts: Texts<'_>,
    compare: impl Fn(&[Event], &[Event]) -> Result<(), Refusal>,
    agree: impl Fn(&[Event], &[Event]) -> Result<(), Refusal>,
) -> Result<Vec<Tree>, Refusal> {
    let unreadable = |error: FileError| {
        let reason = format!("after the edit the file {}", error.reason);
        (error.position.unwrap_or(texts.at), reason)
    };
    let not_parsed = |error: ParseError| unreadable(error.into_file_error());
    let old = limits::decode(texts.old).map_err(unreadable)?.text;
    let new = limits::decode(texts.new).map_err(unreadable)?.text;
    if texts.json && !is_json(texts.new) {
        return Err((texts.at, "after the edit the file would no longer be JSON".to_owned()));
    }
    let old_granit = granit::parse(&old).map_err(not_parsed)?;
    let new_granit = granit::parse(&new).map_err(not_parsed)?;
    compare(&old_granit, &new_granit)?;
    let new_events = match rust2::parse(&old) {
        Ok(old_rust2) => {
            let new_rust2 = rust2::parse(&new).map_err(not_parsed)?;
            compare(&old_rust2, &new_rust2)?;
            agree(&new_rust2, &new_granit)?;
            new_rust2
        }
        Err(_) => new_granit,
    };
    tree::build(new_events).map_err(unreadable)
}

/// Whether the bytes are JSON documents, one after the other. Such a file must stay JSON.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    start.is_some_and(|byte| b"{[".contains(byte))
        && serde_json::Deserializer::from_slice(bytes)
            .into_iter::<serde::de::IgnoredAny>()
            .all(|document| document.is_ok())
}
