use crate::manifest::yaml::events::{Event, EventKind, LimitCounter, ParseError, Scalar, Style};
use crate::manifest::yaml::limits::FileError;
use crate::manifest::yaml::line_table::OffsetFinder;
use crate::model::Position;
use std::ops::Range;
use yaml_rust2::parser::{Event as RawEvent, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

/// Parses a text with yaml-rust2.
///
/// # Errors
/// The text is not YAML or exceeds a limit.
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, ParseError> {
    let mut parser = Parser::new_from_str(text);
    let mut offsets = OffsetFinder::new(text);
    let mut counter = LimitCounter::default();
    let mut events = Vec::new();
    loop {
        let (raw, marker) = parser.next_token().map_err(|error| parse_error(&error))?;
        if raw == RawEvent::StreamEnd {
            return Ok(events);
        }
        let Some((kind, token)) = convert(raw, text, || offsets.offset(marker.line(), marker.col())) else {
            continue;
        };
        let position = position(&marker);
        counter.count(&kind, position)?;
        events.push(Event { kind, position, token });
    }
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn parse_error(error: &ScanError) -> ParseError {
    let position = position(error.marker());
    match error.info() {
        "recursion limit exceeded" => ParseError::too_deep(position),
        reason => ParseError::Syntax(FileError::at(position, format!("does not parse: {reason}"))),
    }
}

/// The event's kind and the bytes of its token; `None` for events of the stream itself.
fn convert(raw: RawEvent, text: &str, offset: impl FnOnce() -> usize) -> Option<(EventKind, Range<usize>)> {
    let written = |tag: Option<Tag>| tag.map(|tag| tag.handle + &tag.suffix);
    let kind = match raw {
        RawEvent::Nothing | RawEvent::StreamStart | RawEvent::StreamEnd => return None,
        RawEvent::DocumentStart => EventKind::DocumentStart,
        RawEvent::DocumentEnd => EventKind::DocumentEnd,
        RawEvent::Alias(anchor) => EventKind::Alias(anchor),
        RawEvent::SequenceStart(anchor, tag) => EventKind::SequenceStart {
            anchor,
            tag: written(tag),
        },
        RawEvent::SequenceEnd => EventKind::SequenceEnd,
        RawEvent::MappingStart(anchor, tag) => EventKind::MappingStart {
            anchor,
            tag: written(tag),
        },
        RawEvent::MappingEnd => EventKind::MappingEnd,
        RawEvent::Scalar(value, style, anchor, tag) => {
            let start = offset();
            let (style, end) = measure(text, start, &value, style);
            let value = match style {
                Style::Block => block_value(text, start, value),
                _ => value,
            };
            let scalar = Scalar {
                value,
                style,
                anchor,
                tag: written(tag),
            };
            return Some((EventKind::Scalar(scalar), start..end));
        }
    };
    Some((kind, 0..0))
}

/// The style of a scalar that starts at `start`, and where its token ends.
fn measure(text: &str, start: usize, value: &str, style: TScalarStyle) -> (Style, usize) {
    let rest = text.get(start..).unwrap_or_default();
    match style {
        TScalarStyle::Literal | TScalarStyle::Folded => (Style::Block, start),
        TScalarStyle::Plain if value.is_empty() => (Style::Empty, start),
        TScalarStyle::Plain if rest.starts_with(value) => (Style::Plain, start + value.len()),
        TScalarStyle::Plain => (Style::ManyLines, start),
        TScalarStyle::SingleQuoted => match quoted_length(rest, b'\'') {
            Some(end) => (Style::SingleQuoted, start + end),
            None => (Style::ManyLines, start),
        },
        TScalarStyle::DoubleQuoted => match quoted_length(rest, b'"') {
            Some(end) => (Style::DoubleQuoted, start + end),
            None => (Style::ManyLines, start),
        },
    }
}

/// The value of a block scalar. A block scalar without content is empty unless its header has `+` (YAML 1.2.2 section
/// 8.1.1.2); at the end of a file, yaml-rust2 keeps one line break of the blank lines after the header.
fn block_value(text: &str, start: usize, value: String) -> String {
    let header = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let indicators = header.split([' ', '\t', '#']).next().unwrap_or_default();
    if value == "\n" && indicators.starts_with(['|', '>']) && !indicators.contains('+') {
        return String::new();
    }
    value
}

/// The length of the quoted token at the start of `rest`, both quotes included.
fn quoted_length(rest: &str, quote: u8) -> Option<usize> {
    let mut bytes = rest.bytes().enumerate().skip(1).peekable();
    if rest.as_bytes().first() != Some(&quote) {
        return None;
    }
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' && quote == b'"' {
            bytes.next();
        } else if byte == quote {
            if quote == b'\'' && bytes.next_if(|(_, next)| *next == quote).is_some() {
                continue;
            }
            return Some(at + 1);
        }
    }
    None
}
