use crate::manifest::yaml::line_table::LineTable;
use crate::model::Position;
use std::borrow::Cow;

/// Largest file that is read, in bytes. The largest real manifests (bundles of CRDs) have about 2 MiB, and the API
/// server rejects requests above 3 MiB.
pub(crate) const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting, aliases followed. Real objects (CRD schemas) reach about 40. This limit bounds every recursion over
/// a tree.
pub(crate) const MAX_DEPTH: usize = 100;

/// Documents in one file. The largest real bundles have several hundred.
pub(crate) const MAX_DOCUMENTS: usize = 10_000;

/// Scalars, lists and maps in one file, aliases expanded: about 50 MB of objects at most. The largest real bundles have half as
/// many.
pub(crate) const MAX_NODES: usize = 500_000;

/// The values that a map counts as: a map of one entry takes 640 bytes, a scalar about 60.
pub(crate) const NODES_OF_A_MAP: usize = 6;

/// Findings reported for one file. The file's owner fixes the first hundred and then sees the next.
pub(crate) const MAX_FINDINGS: usize = 100;

/// Longest message of a finding, in characters. A message quotes the file, and the quoted text can be as long as the
/// file.
const MAX_MESSAGE: usize = 500;

/// The byte order mark.
const MARK: char = '\u{feff}';

/// What to do about a template; part of several findings.
pub(crate) const TEMPLATE_ADVICE: &str = "keep templates out of the synced paths or below a folder with a Chart.yaml";

/// Makes a message fit for logs and terminals: escapes control characters and cuts the text at [`MAX_MESSAGE`].
pub(crate) fn safe_message(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(MAX_MESSAGE));
    let mut characters = text.chars();
    for character in characters.by_ref().take(MAX_MESSAGE) {
        if character.is_control() {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    if characters.next().is_some() {
        safe.push('…');
    }
    safe
}

/// Why a file, or an object in it, cannot be read. The reason continues the sentence "the file …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileError {
    pub position: Option<Position>,
    pub reason: String,
}

impl FileError {
    pub(crate) fn at(position: Position, reason: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            reason: reason.into(),
        }
    }
}

/// The text of a file without its byte order marks.
#[derive(Debug, Clone)]
pub(crate) struct SourceText<'a> {
    pub text: Cow<'a, str>,
    /// Bytes of the file before the text: the length of the byte order mark, or 0.
    pub offset: usize,
}

/// Decodes a file's bytes as YAML text.
///
/// # Errors
/// The file is larger than [`MAX_FILE_BYTES`], is not UTF-8, or has a character that YAML forbids. A NUL would end the
/// parser's input early, and the objects behind it would look as if they had been removed.
pub(crate) fn decode(bytes: &[u8]) -> Result<SourceText<'_>, FileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(FileError {
            position: None,
            reason: format!(
                "has {} bytes, more than the limit of {MAX_FILE_BYTES}; split it into several files",
                bytes.len()
            ),
        });
    }
    let whole = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = std::str::from_utf8(before).unwrap_or_default();
        FileError::at(
            LineTable::new(before).position(before, before.len()),
            "is not UTF-8 from here on; save it as UTF-8",
        )
    })?;
    let text = whole.strip_prefix(MARK).unwrap_or(whole);
    if let Some((offset, forbidden)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        return Err(FileError::at(
            LineTable::new(text).position(text, offset),
            format!(
                "has the control character U+{:04X}, which YAML does not allow; remove it",
                u32::from(forbidden)
            ),
        ));
    }
    Ok(SourceText {
        text: without_later_marks(text),
        offset: whole.len() - text.len(),
    })
}

/// The text without the byte order marks that start a later document, where YAML 1.2.2 section 5.2 ("Character Encodings")
/// allows them. Three blanks at the end of the line before stand for a mark's three bytes, so that every byte after the mark
/// keeps its line and its offset. The line before is `---`, `...`, a comment or blank, where blanks mean nothing.
fn without_later_marks(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut starts_document = true;
    for line in text.split_inclusive('\n') {
        let rest = line
            .strip_prefix(MARK)
            .filter(|_| starts_document && plain.ends_with('\n'));
        if rest.is_some() {
            let end = if plain.ends_with("\r\n") { "\r\n" } else { "\n" };
            plain.truncate(plain.len() - end.len());
            plain.extend(std::iter::repeat_n(' ', MARK.len_utf8()).chain(end.chars()));
        }
        let line = rest.unwrap_or(line);
        plain.push_str(line);
        let content = line.trim();
        let is_separator = ["---", "..."].iter().any(|sign| {
            let after = line.strip_prefix(sign).map(str::trim_start);
            after.is_some_and(|after| after.is_empty() || after.starts_with('#'))
        });
        starts_document = is_separator || starts_document && (content.is_empty() || content.starts_with('#'));
    }
    Cow::Owned(plain)
}

/// Whether YAML 1.2.2 section 5.1 ("Character Set") forbids the character.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{84}' | '\u{86}'..='\u{9f}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}
