use super::dialect;
use super::fault::Fault;
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;

/// The longest expression in bytes. Longer expressions are rejected.
const LONGEST: usize = 512;
/// The most bytes of a compiled expression: a hundred times what patterns for tags need. The time of a match is linear in the
/// length of the tag.
const COMPILED_BYTES: usize = 1 << 20;
/// The most bytes of the cache of the lazy automaton.
const CACHE_BYTES: usize = 1 << 20;

/// A regular expression over tags in Go's dialect. As in Flux v1 it is not anchored: it matches anywhere in the tag, unless it
/// contains `^` and `$`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new("the expression is empty", "write * for every tag"));
        }
        if text.len() > LONGEST {
            return Err(Fault::new(
                "the expression is longer than 512 characters",
                "write a shorter one",
            ));
        }
        let built = RegexBuilder::new(&dialect::translated(text))
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(CACHE_BYTES)
            .nest_limit(32)
            .build();
        let pattern = |regex| Self {
            text: text.to_owned(),
            regex,
        };
        built.map(pattern).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Fault::new(
                "the expression takes too much memory",
                "write smaller repetition counts than in x{1000}",
            ),
            other => Fault::new(
                format!("it is not a regular expression ({})", last_line(&other.to_string())),
                "mind that look-around and back-references do not exist here, as in Go",
            ),
        })
    }

    /// Reads an expression that must have a capture group: the groups capture the parts to order by.
    pub(super) fn capturing(text: &str) -> Result<Self, Fault> {
        let pattern = Self::parse(text)?;
        if pattern.captures_anything() {
            Ok(pattern)
        } else {
            Err(Fault::new(
                "it captures nothing to order by",
                r"put the part to order by in brackets, as in ^main-(\d+)$",
            ))
        }
    }

    /// Whether the expression has a capture group.
    pub(super) fn captures_anything(&self) -> bool {
        self.regex.captures_len() > 1
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, tag: &str) -> bool {
        self.regex.is_match(tag)
    }

    /// Whether the expression is `latest`, in upper or lower case, with or without the anchors `^` and `$`.
    pub(super) fn names_latest(&self) -> bool {
        let text = self.as_str();
        let text = text.strip_prefix('^').unwrap_or(text);
        text.strip_suffix('$').unwrap_or(text).eq_ignore_ascii_case("latest")
    }

    /// The template with the groups of the first match in place of `$1`, `$name` and `${name}`. `None`: the tag does not match.
    pub(super) fn expand(&self, tag: &str, template: &str) -> Option<String> {
        let mut out = String::new();
        self.regex.captures(tag)?.expand(template, &mut out);
        Some(out)
    }

    /// What each group captured. `None`: the tag does not match, or no group captured anything.
    pub(super) fn parts<'t>(&self, tag: &'t str) -> Option<Vec<Option<&'t str>>> {
        let captures = self.regex.captures(tag)?;
        let parts: Vec<Option<&str>> = captures.iter().skip(1).map(|group| Some(group?.as_str())).collect();
        parts.iter().any(Option::is_some).then_some(parts)
    }
}

/// The last line of an error of the regex crate: the problem, without the expression above it.
fn last_line(text: &str) -> &str {
    text.lines()
        .last()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
}

/// A decimal number of any length, with or without a sign. Numbers are compared by value: `007` equals `7`, `1.50` equals
/// `1.5`, `-0` equals `0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    is_negative: bool,
    whole: String,
    fraction: String,
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        (digits(whole) && digits(fraction)).then(|| {
            let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
            let is_zero = whole.is_empty() && fraction.is_empty();
            Self {
                is_negative: text.starts_with('-') && !is_zero,
                whole: whole.to_owned(),
                fraction: fraction.to_owned(),
            }
        })
    }

    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (ours, theirs) => theirs.cmp(&ours),
        }
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}
