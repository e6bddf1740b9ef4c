use crate::manifest::document::Style;
use crate::manifest::yaml::limits::{Broken, MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES};
use crate::manifest::yaml::line_table::Cursor;
use crate::model::Position;
use std::ops::Range;
use yaml_rust2::scanner::TScalarStyle;

/// One step of a YAML stream, the same for both parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub what: What,
    /// Line and column, both from 1.
    pub position: Position,
    /// The bytes of a scalar's token, quotes included; empty at the token's start where they are not told apart. Of other
    /// events only granit-parser tells the bytes.
    pub token: Range<usize>,
}

/// What happens. Anchors are numbered in order of their definition; 0 is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    DocumentStart,
    DocumentEnd,
    Scalar(Scalar),
    SequenceStart { anchor: usize, tag: Option<String> },
    SequenceEnd,
    MappingStart { anchor: usize, tag: Option<String> },
    MappingEnd,
    Alias(usize),
}

/// A scalar as parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub value: String,
    pub style: Style,
    pub anchor: usize,
    pub tag: Option<String>,
}

/// The events of a text, within bounds. yaml-rust2 comes first; what it refuses and granit-parser takes (a tab after
/// a colon, a flow list whose lines stand at its parent's indent) is taken, since kubectl takes it too.
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, Failure> {
    match by_yaml_rust2(text) {
        Err(Failure::Syntax(broken)) => by_granit(text).map_err(|_| Failure::Syntax(broken)),
        done => done,
    }
}

/// Why there are no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is not YAML.
    Syntax(Broken),
    /// It is more than we read.
    Bound(Broken),
}

impl Failure {
    pub(crate) fn into_broken(self) -> Broken {
        match self {
            Failure::Syntax(broken) | Failure::Bound(broken) => broken,
        }
    }
}

/// The first opinion.
pub(crate) fn by_yaml_rust2(text: &str) -> Result<Vec<Event>, Failure> {
    use yaml_rust2::parser::{Event as Raw, Parser, Tag};
    let mut parser = Parser::new_from_str(text);
    let mut cursor = Cursor::new(text);
    let mut counter = Counter::default();
    let mut events = Vec::new();
    let written = |tag: Option<Tag>| tag.map(|tag| tag.handle + &tag.suffix);
    loop {
        let (raw, marker) = parser.next_token().map_err(|error| {
            let position = Position {
                line: error.marker().line(),
                column: error.marker().col() + 1,
            };
            match error.info() {
                "recursion limit exceeded" => Failure::Bound(Broken::at(position, too_deep())),
                reason => Failure::Syntax(Broken::at(position, format!("does not parse: {reason}"))),
            }
        })?;
        let position = Position {
            line: marker.line(),
            column: marker.col() + 1,
        };
        let mut token = 0..0;
        let what = match raw {
            Raw::StreamEnd => return Ok(events),
            Raw::Nothing | Raw::StreamStart => continue,
            Raw::DocumentStart => What::DocumentStart,
            Raw::DocumentEnd => What::DocumentEnd,
            Raw::Alias(anchor) => What::Alias(anchor),
            Raw::SequenceStart(anchor, tag) => What::SequenceStart {
                anchor,
                tag: written(tag),
            },
            Raw::SequenceEnd => What::SequenceEnd,
            Raw::MappingStart(anchor, tag) => What::MappingStart {
                anchor,
                tag: written(tag),
            },
            Raw::MappingEnd => What::MappingEnd,
            Raw::Scalar(value, style, anchor, tag) => {
                let start = cursor.offset(marker.line(), marker.col());
                let (style, end) = measure(text, start, &value, style);
                let value = if style == Style::Block {
                    block(text, start, value)
                } else {
                    value
                };
                token = start..end;
                What::Scalar(Scalar {
                    value,
                    style,
                    anchor,
                    tag: written(tag),
                })
            }
        };
        counter.count(&what, position)?;
        events.push(Event { what, position, token });
    }
}

/// The second opinion.
pub(crate) fn by_granit(text: &str) -> Result<Vec<Event>, Failure> {
    use granit_parser::{Event as Raw, Parser, ScalarStyle, Tag};
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut counter = Counter::default();
    let mut events = Vec::new();
    let written = |tag: Option<std::borrow::Cow<'_, Tag>>| tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
    for next in Parser::new_from_str_with_options(text, options) {
        let (raw, span) = next.map_err(|error| {
            let position = Position {
                line: error.marker().line(),
                column: error.marker().col() + 1,
            };
            Failure::Syntax(Broken::at(position, format!("does not parse: {}", error.info())))
        })?;
        let position = Position {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        let bytes = span.byte_range().unwrap_or_default();
        let mut token = bytes.clone();
        let what = match raw {
            Raw::DocumentStart(..) => What::DocumentStart,
            Raw::DocumentEnd => What::DocumentEnd,
            Raw::Alias(anchor) => What::Alias(anchor),
            Raw::SequenceStart(_, anchor, tag) => What::SequenceStart {
                anchor,
                tag: written(tag),
            },
            Raw::SequenceEnd => What::SequenceEnd,
            Raw::MappingStart(_, anchor, tag) => What::MappingStart {
                anchor,
                tag: written(tag),
            },
            Raw::MappingEnd => What::MappingEnd,
            Raw::Scalar(value, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain if bytes.is_empty() => Style::Empty,
                    ScalarStyle::Plain if text.get(bytes.clone()) == Some(&*value) => Style::Plain,
                    ScalarStyle::Plain => Style::ManyLines,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                token = match style {
                    Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => bytes,
                    Style::Empty | Style::Block | Style::ManyLines => bytes.start..bytes.start,
                };
                What::Scalar(Scalar {
                    value: if style == Style::Empty {
                        String::new()
                    } else {
                        value.into_owned()
                    },
                    style,
                    anchor,
                    tag: written(tag),
                })
            }
            _ => continue,
        };
        counter.count(&what, position)?;
        events.push(Event { what, position, token });
    }
    Ok(events)
}

/// The style of a scalar that starts at `start`, and where its token ends.
fn measure(text: &str, start: usize, value: &str, style: TScalarStyle) -> (Style, usize) {
    let rest = text.get(start..).unwrap_or_default();
    match style {
        TScalarStyle::Literal | TScalarStyle::Folded => (Style::Block, start),
        TScalarStyle::Plain if value.is_empty() => (Style::Empty, start),
        TScalarStyle::Plain if rest.starts_with(value) => (Style::Plain, start + value.len()),
        TScalarStyle::Plain => (Style::ManyLines, start),
        TScalarStyle::SingleQuoted => match closing(rest, b'\'') {
            Some(end) => (Style::SingleQuoted, start + end),
            None => (Style::ManyLines, start),
        },
        TScalarStyle::DoubleQuoted => match closing(rest, b'"') {
            Some(end) => (Style::DoubleQuoted, start + end),
            None => (Style::ManyLines, start),
        },
    }
}

/// A block scalar without content is empty unless it says `+` (YAML 1.2.2 section 8.1.1.2); at the end of a file,
/// yaml-rust2 keeps one line break of the blank lines after it.
fn block(text: &str, start: usize, value: String) -> String {
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

/// The length of the quoted token that `rest` starts with.
fn closing(rest: &str, quote: u8) -> Option<usize> {
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

fn too_deep() -> String {
    format!("nests deeper than {MAX_DEPTH} levels, which is more than is read; make it flatter")
}

/// Holds a stream to the bounds while it is read; alias expansion is held to them when the tree is built.
#[derive(Debug, Default)]
struct Counter {
    depth: usize,
    nodes: usize,
    documents: usize,
}

impl Counter {
    fn count(&mut self, what: &What, position: Position) -> Result<(), Failure> {
        match what {
            What::SequenceEnd | What::MappingEnd => self.depth = self.depth.saturating_sub(1),
            What::SequenceStart { .. } | What::MappingStart { .. } => {
                self.depth += 1;
                self.nodes += 1;
            }
            What::Scalar(_) | What::Alias(_) => self.nodes += 1,
            What::DocumentStart => self.documents += 1,
            What::DocumentEnd => {}
        }
        let over = if self.depth > MAX_DEPTH {
            too_deep()
        } else if self.nodes > MAX_NODES {
            format!("has more than {MAX_NODES} values, which is more than is read; split it into several files")
        } else if self.documents > MAX_DOCUMENTS {
            format!("has more than {MAX_DOCUMENTS} documents, which is more than is read; split it into several files")
        } else {
            return Ok(());
        };
        Err(Failure::Bound(Broken::at(position, over)))
    }
}
