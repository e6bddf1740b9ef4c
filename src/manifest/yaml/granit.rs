use crate::manifest::yaml::events::{Event, EventKind, LimitCounter, ParseError, Scalar, Style};
use crate::manifest::yaml::limits::{FileError, MAX_DEPTH};
use crate::model::Position;
use granit_parser::{Event as RawEvent, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::ops::Range;

/// Parses a text with granit-parser, the second opinion on every edit.
///
/// # Errors
/// The text is not YAML or exceeds a limit.
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, ParseError> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut counter = LimitCounter::default();
    let mut events = Vec::new();
    for next in Parser::new_from_str_with_options(text, options) {
        let (raw, span) = next.map_err(|error| {
            let reason = format!("does not parse: {}", error.info());
            ParseError::Syntax(FileError::at(position(error.marker()), reason))
        })?;
        let bytes = span.byte_range().unwrap_or_default();
        let Some((kind, token)) = convert(raw, text, bytes) else {
            continue;
        };
        let position = position(&span.start);
        counter.count(&kind, position)?;
        events.push(Event { kind, position, token });
    }
    Ok(events)
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

/// The event's kind and the bytes of its token; `None` for events of the stream itself.
fn convert(raw: RawEvent<'_>, text: &str, bytes: Range<usize>) -> Option<(EventKind, Range<usize>)> {
    let written = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
    let kind = match raw {
        RawEvent::DocumentStart(..) => EventKind::DocumentStart,
        RawEvent::DocumentEnd => EventKind::DocumentEnd,
        RawEvent::Alias(anchor) => EventKind::Alias(anchor),
        RawEvent::SequenceStart(_, anchor, tag) => EventKind::SequenceStart {
            anchor,
            tag: written(tag),
        },
        RawEvent::SequenceEnd => EventKind::SequenceEnd,
        RawEvent::MappingStart(_, anchor, tag) => EventKind::MappingStart {
            anchor,
            tag: written(tag),
        },
        RawEvent::MappingEnd => EventKind::MappingEnd,
        RawEvent::Scalar(value, style, anchor, tag) => {
            let style = match style {
                ScalarStyle::Plain if bytes.is_empty() => Style::Empty,
                ScalarStyle::Plain if text.get(bytes.clone()) == Some(&*value) => Style::Plain,
                ScalarStyle::Plain => Style::ManyLines,
                ScalarStyle::SingleQuoted => Style::SingleQuoted,
                ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
            };
            let token = match style.is_editable() {
                true => bytes,
                false => bytes.start..bytes.start,
            };
            let scalar = Scalar {
                value: match style {
                    Style::Empty => String::new(),
                    _ => value.into_owned(),
                },
                style,
                anchor,
                tag: written(tag),
            };
            return Some((EventKind::Scalar(scalar), token));
        }
        _ => return None,
    };
    Some((kind, bytes))
}
