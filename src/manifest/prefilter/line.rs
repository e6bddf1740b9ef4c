/// A parser looks for the colon behind a key only so far.
const MAX_KEY: usize = 128;

/// Deepest nesting of flow maps and lists.
const MAX_FLOW: usize = 8;

pub(crate) enum Value<'a> {
    /// Nothing on this line.
    Open,
    Block,
    Plain(&'a str),
    Quoted,
    /// In flow style: a map's entries with plain values.
    Flow(Vec<(&'a str, Option<&'a str>)>),
}

/// The key that a line begins with, and what stands behind its colon.
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

/// A value and the comment behind it, up to the line's end.
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

/// Nothing, or a comment.
fn is_end(rest: &str) -> bool {
    let after = rest.trim_start_matches(' ');
    after.is_empty() || after.starts_with('#') && after.len() < rest.len()
}

/// A text in quotes, without escapes, and what is behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next()?;
    let (inner, rest) = text.get(1..)?.split_once(quote)?;
    (!inner.contains('\\')).then_some((inner, rest))
}

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

/// A map or a list in flow style, and what is behind it.
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
        let begin = rest.chars().next()?;
        let text = match begin {
            '"' | '\'' => {
                (_, rest) = quoted(rest)?;
                None
            }
            '{' | '[' => {
                (depth < MAX_FLOW).then_some(())?;
                (_, rest) = flow(rest, depth + 1)?;
                None
            }
            _ => {
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
                let end = rest.bytes().position(|b| !is_plain(b))?;
                let (text, behind) = rest.split_at_checked(end)?;
                text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
                    .then_some(())?;
                rest = behind;
                Some(text)
            }
        };
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

/// What begins with a letter and is no text without quotes.
pub(crate) fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "no", "on", "yes", "off", "null", "true", "false"];
    text.len() <= 5 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
