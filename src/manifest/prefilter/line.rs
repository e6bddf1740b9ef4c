/// Longest key, in bytes. A parser searches for the colon after a key only within a limit.
const MAX_KEY: usize = 128;

/// Deepest nesting of flow maps and flow lists.
const MAX_FLOW: usize = 8;

/// The value on a line.
pub(crate) enum Value<'a> {
    /// The line has no value; a map or a list may follow.
    Open,
    Block,
    Plain(&'a str),
    Quoted,
    /// A value in flow style, with the entries of a map. An entry has its text if the value is plain.
    Flow(Vec<(&'a str, Option<&'a str>)>),
}

/// The key at the start of a line, and the rest after its colon.
pub(crate) fn key(content: &str) -> Option<(&str, &str)> {
    let is_of_key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
    let end = content.bytes().position(|b| !is_of_key(b))?;
    let (key, rest) = content.split_at_checked(end)?;
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = rest
        .strip_prefix(':')
        .filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
    (begins && key.len() <= MAX_KEY && !is_word(key)).then_some((key, rest.trim_start_matches(' ')))
}

/// Reads a value and an optional comment, up to the end of the line.
pub(crate) fn value(text: &str) -> Option<Value<'_>> {
    let first = text.bytes().next();
    match first {
        None | Some(b'#') => Some(Value::Open),
        Some(b'|' | b'>') => {
            let style = text.get(1..)?.trim_end_matches(' ');
            matches!(style, "" | "-" | "+").then_some(Value::Block)
        }
        Some(b'"' | b'\'') => quoted(text).and_then(|(_, rest)| is_end(rest).then_some(Value::Quoted)),
        Some(b'{' | b'[') => {
            let (value, rest) = flow(text, 0)?;
            is_end(rest).then_some(value)
        }
        Some(_) => plain(text).map(Value::Plain),
    }
}

/// Whether the rest of a line is empty or a comment.
fn is_end(rest: &str) -> bool {
    let after = rest.trim_start_matches(' ');
    after.is_empty() || after.starts_with('#') && after.len() < rest.len()
}

/// Reads a text in quotes without escapes; returns the text and the rest of the line.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next()?;
    let (inner, rest) = text.get(1..)?.split_once(quote)?;
    (!inner.contains('\\')).then_some((inner, rest))
}

/// Reads a text without quotes.
fn plain(text: &str) -> Option<&str> {
    let text = text
        .find(" #")
        .and_then(|end| text.get(..end))
        .unwrap_or(text)
        .trim_end_matches(' ');
    let begins = match text.as_bytes() {
        [b'-', second, ..] => second.is_ascii_alphanumeric() || *second == b'-',
        [first, ..] => first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'$' | b'(' | b'<'),
        [] => false,
    };
    (begins && !text.contains(": ") && !text.ends_with(':') && text != "<<").then_some(text)
}

/// Reads a map or a list in flow style; returns the value and the rest of the line.
fn flow(text: &str, depth: usize) -> Option<(Value<'_>, &str)> {
    let is_map = text.starts_with('{');
    let close = if is_map { '}' } else { ']' };
    let mut rest = text.get(1..)?.trim_start_matches(' ');
    let mut entries: Vec<(&str, Option<&str>)> = Vec::new();
    if let Some(behind) = rest.strip_prefix(close) {
        return Some((Value::Flow(entries), behind));
    }
    loop {
        let mut name = "";
        if is_map {
            (name, rest) = key(rest).filter(|(_, rest)| !rest.is_empty())?;
        }
        let (text, behind) = flow_item(rest, depth)?;
        rest = behind;
        if is_map && entries.iter().any(|(other, _)| *other == name) {
            return None;
        }
        entries.push((name, text));
        rest = rest.trim_start_matches(' ');
        if let Some(behind) = rest.strip_prefix(close) {
            let entries = if is_map { entries } else { Vec::new() };
            return Some((Value::Flow(entries), behind));
        }
        rest = rest.strip_prefix(", ")?.trim_start_matches(' ');
    }
}

/// Reads a value within a map or a list in flow style; returns its text if it is plain, and the rest of the line.
fn flow_item(text: &str, depth: usize) -> Option<(Option<&str>, &str)> {
    match text.chars().next()? {
        '"' | '\'' => quoted(text).map(|(_, rest)| (None, rest)),
        '{' | '[' => {
            (depth < MAX_FLOW).then_some(())?;
            flow(text, depth + 1).map(|(_, rest)| (None, rest))
        }
        _ => {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
            let end = text.bytes().position(|b| !is_plain(b))?;
            let (text, rest) = text.split_at_checked(end)?;
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
                .then_some((Some(text), rest))
        }
    }
}

/// Whether an unquoted text that begins with a letter is null or a boolean, and not a string.
pub(crate) fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "no", "on", "yes", "off", "null", "true", "false"];
    text.len() <= 5 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
