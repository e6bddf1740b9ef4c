use crate::manifest::yaml::limits::{FileError, MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES};
use crate::model::Position;
use std::ops::Range;

/// One event of a YAML stream, in the same form for both parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub kind: EventKind,
    /// Line and column, both from 1.
    pub position: Position,
    /// The bytes of a scalar's token, quotes included. The range is empty, at the token's start, where the parser does
    /// not report an end. For events other than scalars only granit-parser reports bytes.
    pub token: Range<usize>,
}

/// The kind of an event. Anchors are numbered in order of definition; 0 means no anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventKind {
    DocumentStart,
    DocumentEnd,
    Scalar(Scalar),
    SequenceStart { anchor: usize, tag: Option<String> },
    SequenceEnd,
    MappingStart { anchor: usize, tag: Option<String> },
    MappingEnd,
    Alias(usize),
}

/// A scalar as parsed: its value after unquoting and unescaping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub value: String,
    pub style: Style,
    pub anchor: usize,
    pub tag: Option<String>,
}

/// How a scalar is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|` or `>`. The editor never rewrites a block scalar.
    Block,
    /// A scalar over several lines. The editor never rewrites it.
    ManyLines,
    /// No text (`tag:`), `~` or `null`. The editor never rewrites it.
    Empty,
}

impl Style {
    /// Whether the scalar stands on one line in a form that the editor can replace.
    pub(crate) fn is_editable(self) -> bool {
        matches!(self, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted)
    }
}

/// Why a parser returned no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// The text is not YAML.
    Syntax(FileError),
    /// The text exceeds a limit.
    Limit(FileError),
}

impl ParseError {
    pub(crate) fn into_file_error(self) -> FileError {
        match self {
            ParseError::Syntax(error) | ParseError::Limit(error) => error,
        }
    }

    pub(crate) fn too_deep(position: Position) -> Self {
        Self::Limit(FileError::at(
            position,
            format!("nests deeper than {MAX_DEPTH} levels, which is the limit; make it flatter"),
        ))
    }
}

/// Enforces the limits while a stream is parsed. The limits with aliases expanded are enforced when the tree is built.
#[derive(Debug, Default)]
pub(crate) struct LimitCounter {
    depth: usize,
    nodes: usize,
    documents: usize,
}

impl LimitCounter {
    pub(crate) fn count(&mut self, kind: &EventKind, position: Position) -> Result<(), ParseError> {
        match kind {
            EventKind::SequenceEnd | EventKind::MappingEnd => self.depth = self.depth.saturating_sub(1),
            EventKind::SequenceStart { .. } | EventKind::MappingStart { .. } => {
                self.depth += 1;
                self.nodes += 1;
            }
            EventKind::Scalar(_) | EventKind::Alias(_) => self.nodes += 1,
            EventKind::DocumentStart => self.documents += 1,
            EventKind::DocumentEnd => {}
        }
        let reason = if self.depth > MAX_DEPTH {
            return Err(ParseError::too_deep(position));
        } else if self.nodes > MAX_NODES {
            format!("has more than {MAX_NODES} values, which is the limit; split it into several files")
        } else if self.documents > MAX_DOCUMENTS {
            format!("has more than {MAX_DOCUMENTS} documents, which is the limit; split it into several files")
        } else {
            return Ok(());
        };
        Err(ParseError::Limit(FileError::at(position, reason)))
    }
}
