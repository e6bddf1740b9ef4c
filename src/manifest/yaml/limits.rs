use crate::manifest::yaml::line_table::LineTable;
use crate::model::Position;

/// Largest file that is read, in bytes. The largest real manifests (bundles of CRDs) are about 2 MiB, and the API
/// server takes no request above 3 MiB.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting, aliases followed. Real objects (CRD schemas) reach about 40; every recursion here is bounded by it.
pub(crate) const MAX_DEPTH: usize = 100;

/// Documents in one file; the largest real bundles have some hundred.
pub(crate) const MAX_DOCUMENTS: usize = 10_000;

/// Scalars, lists and maps in one file with every alias written out: some 100 MB of objects at the most.
pub(crate) const MAX_NODES: usize = 500_000;

/// Findings told of one file; a file of a thousand mistakes is mended in several goes.
pub(crate) const MAX_FINDINGS: usize = 100;

/// Longest message of a finding, in characters: what it quotes of the file may be as long as the file.
const MAX_MESSAGE: usize = 500;

/// A message fit for logs and terminals: control characters spelt out, long ones cut.
pub(crate) fn message(text: &str) -> String {
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

/// A file that is not read any further, where and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub position: Option<Position>,
    pub reason: String,
}

impl Broken {
    pub(crate) fn at(position: Position, reason: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            reason: reason.into(),
        }
    }
}

/// A file's text and how many bytes of it come before the text (the byte order mark).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub text: &'a str,
    pub skipped: usize,
}

/// Bytes as YAML text, with what no YAML reader takes refused: a NUL would end the parser's input early, and a
/// manifest that is silently read by half looks like one whose other half was removed.
pub(crate) fn text(bytes: &[u8]) -> Result<Text<'_>, Broken> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Broken {
            position: None,
            reason: format!(
                "is {} bytes large, more than the {MAX_FILE_BYTES} that are read; split it into several files",
                bytes.len()
            ),
        });
    }
    let whole = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = std::str::from_utf8(before).unwrap_or_default();
        Broken::at(
            LineTable::new(before).position(before, before.len()),
            "is not UTF-8 from here on; save it as UTF-8",
        )
    })?;
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    if let Some((offset, bad)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        return Err(Broken::at(
            LineTable::new(text).position(text, offset),
            format!(
                "has the control character U+{:04X}, which YAML does not allow; remove it",
                u32::from(bad)
            ),
        ));
    }
    Ok(Text {
        text,
        skipped: whole.len() - text.len(),
    })
}

/// YAML 1.2.2 section 5.1, "Character Set".
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{84}' | '\u{86}'..='\u{9f}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}
