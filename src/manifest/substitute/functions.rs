//! What an expression does with the value of a variable.

use super::glob::Glob;

/// The longest value from which a pattern is removed: each of its characters may be compared with each of the others.
const MOST_FOR_PATTERNS: usize = 4 << 10;

/// Why a function has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The value is too long for a pattern.
    TooLong,
    /// An offset lies within a character.
    SplitCharacter,
}

/// Applies a function. An operator that is not known gives the default, if the value is empty.
pub(super) fn apply(operator: &str, value: &str, arguments: &[String]) -> Result<String, Failure> {
    let first = arguments.first().map_or("", |argument| argument);
    let second = arguments.get(1).map(String::as_str);
    Ok(match operator {
        "," => first_changed(value, |c| c.to_lowercase().collect()),
        ",," => value.to_lowercase(),
        "^" => first_changed(value, |c| c.to_uppercase().collect()),
        "^^" => value.to_uppercase(),
        "#" if arguments.is_empty() => value.len().to_string(),
        "#" => removed(value, first, false)?,
        "##" => removed(value, first, true)?,
        "%" => reversed(&removed(&reversed(value), &reversed(first), false)?),
        "%%" => reversed(&removed(&reversed(value), &reversed(first), true)?),
        ":" => part(value, first, second)?,
        "/" => value.replacen(first, second.unwrap_or_default(), 1),
        "//" => value.replace(first, second.unwrap_or_default()),
        "/#" => match (value.strip_prefix(first), second) {
            (Some(rest), Some(other)) => format!("{other}{rest}"),
            _ => value.to_owned(),
        },
        "/%" => match (value.strip_suffix(first), second) {
            (Some(rest), Some(other)) => format!("{rest}{other}"),
            _ => value.to_owned(),
        },
        _ if value.is_empty() => arguments.concat(),
        _ => value.to_owned(),
    })
}

fn first_changed(value: &str, change: impl Fn(char) -> String) -> String {
    let mut chars = value.chars();
    match chars.next() {
        Some(first) => change(first) + chars.as_str(),
        None => String::new(),
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// The value without the longest or the shortest prefix that matches. A malformed pattern removes nothing.
fn removed(value: &str, pattern: &str, longest: bool) -> Result<String, Failure> {
    if value.len() > MOST_FOR_PATTERNS || pattern.len() > MOST_FOR_PATTERNS {
        return Err(Failure::TooLong);
    }
    let Some(glob) = Glob::parse(pattern) else {
        return Ok(value.to_owned());
    };
    let ends = value.char_indices().map(|(at, c)| at + c.len_utf8());
    let mut matching = ends.filter(|end| glob.matches(&value[..*end]));
    let end = match longest {
        true => matching.next_back(),
        false => matching.next(),
    };
    Ok(value[end.unwrap_or_default()..].to_owned())
}

/// `${var:offset}` and `${var:offset:length}`, in bytes. What is no number changes nothing.
fn part(value: &str, offset: &str, length: Option<&str>) -> Result<String, Failure> {
    let Ok(offset) = offset.parse::<i64>() else {
        return Ok(value.to_owned());
    };
    let all = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 {
        (all + offset.max(-all)).max(0)
    } else {
        offset.min(all)
    };
    let end = match length.map(str::parse::<i64>) {
        None => all,
        Some(Err(_)) => return Ok(value.to_owned()),
        Some(Ok(length)) if length < 0 => (all + length.max(-all)).max(start),
        Some(Ok(length)) => start.saturating_add(length).min(all),
    };
    let at = |position: i64| usize::try_from(position).unwrap_or_default();
    let part = value.get(at(start)..at(end));
    part.map(str::to_owned).ok_or(Failure::SplitCharacter)
}
