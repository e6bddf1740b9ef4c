use crate::manifest::yaml::value::is_decimal;

/// Whether a reader of YAML 1.1 or 1.2 (core schema) would read an unquoted text as another type than a string.
///
/// Such texts are null, booleans, numbers of every base, base 60 numbers, dates, and the merge and value keys.
pub(crate) fn is_retyped(text: &str) -> bool {
    const WORDS: [&str; 15] = [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", "=", "<<", ".inf",
    ];
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    if WORDS.contains(&&*lower) || unsigned == ".inf" {
        return true;
    }
    let compact = unsigned.replace('_', "");
    let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    is_decimal(&compact)
        || [("0x", 16), ("0o", 8), ("0b", 2)]
            .iter()
            .any(|(prefix, radix)| compact.strip_prefix(prefix).is_some_and(|rest| digits(rest, *radix)))
        || is_base_60(&compact)
        || is_date(&lower)
}

/// Whether a text is a number in base 60, such as `190:20:30.15` (YAML 1.1).
fn is_base_60(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    !rest.is_empty()
        && digits(first)
        && rest.iter().enumerate().all(|(at, part)| {
            let part = match part.split_once('.') {
                Some((whole, fraction)) if at + 1 == rest.len() && fraction.bytes().all(|b| b.is_ascii_digit()) => {
                    whole
                }
                _ => part,
            };
            digits(part) && part.len() <= 2
        })
}

/// Whether a text is a date `YYYY-M-D`, with or without a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (day, time) = match rest.split_once(['t', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (rest, None),
    };
    digits(year, 4..=4)
        && digits(month, 1..=2)
        && digits(day, 1..=2)
        && time.is_none_or(|time| time.starts_with(|c: char| c.is_ascii_digit()))
}
