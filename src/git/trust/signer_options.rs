//! The options of a line of allowed_signers, by the rules of `sshsigopt_parse` in OpenSSH's sshsig.c.

use super::pattern_list::PatternList;
use crate::model::Printable;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What separates the parts of a line.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// What restricts the use of a key.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// `None`: every namespace.
    pub(super) namespaces: Option<PatternList>,
    pub(super) after: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
}

impl Options {
    /// Reads `name="value",name="value"` up to a blank. Returns the rest behind the blank.
    pub(super) fn parse(text: &str) -> Result<(Self, &str), String> {
        let (mut options, mut rest) = (Self::default(), text);
        loop {
            rest = options.take(rest)?;
            rest = match rest.chars().next() {
                Some(',') => rest.strip_prefix(',').unwrap_or_default(),
                None | Some(' ' | '\t') => return Ok((options, rest.trim_start_matches(BLANKS))),
                Some(_) => return Err(no_option(rest)),
            };
        }
    }

    /// Reads one option. Returns what follows it.
    fn take<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let end = text
            .find(|c: char| !c.is_ascii_alphabetic() && c != '-')
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let lower = name.to_ascii_lowercase();
        if lower == "cert-authority" {
            return Err("certificate authorities are not supported; list the keys themselves".to_owned());
        }
        let is_free = match lower.as_str() {
            "namespaces" => self.namespaces.is_none(),
            "valid-after" => self.after.is_none(),
            "valid-before" => self.before.is_none(),
            _ => return Err(no_option(text)),
        };
        if !is_free {
            return Err(format!("{lower} stands twice in one line"));
        }
        let value = rest.strip_prefix("=\"").and_then(quoted);
        let (value, rest) = value.ok_or_else(|| format!("expected a value between quotes behind {lower}="))?;
        match lower.as_str() {
            "namespaces" => self.namespaces = Some(PatternList::parse(&value)),
            "valid-after" => self.after = Some(time(&value)?),
            _ => self.before = Some(time(&value)?),
        }
        Ok(rest)
    }
}

/// The text up to the closing quote, and what follows it. `\"` stands for a quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..).unwrap_or_default())),
            '\\' if text.get(at + 1..).is_some_and(|rest| rest.starts_with('"')) => {
                characters.next();
                value.push('"');
            }
            c => value.push(c),
        }
    }
    None
}

fn no_option(text: &str) -> String {
    let word = text.split([' ', '\t', '=', ',']).next().unwrap_or_default();
    format!(
        "\"{}\" is no option; expected namespaces, valid-after or valid-before",
        shown(word)
    )
}

/// So much of a word is enough to find it.
fn shown(word: &str) -> Printable<'_> {
    Printable::new(word).at_most(40)
}

/// `YYYYMMDD[HHMM[SS]][Z]`. As in OpenSSH, the second 60 is the first one of the next minute.
fn time(text: &str) -> Result<Timestamp, String> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = text.split_at(length);
    let is_known = zone.is_empty() || ["z", "utc"].contains(&zone.to_ascii_lowercase().as_str());
    let padded = format!("{digits:0<14}");
    let time = (matches!(digits.len(), 8 | 12 | 14) && is_known)
        .then(|| padded.split_at_checked(12))
        .flatten()
        .and_then(|(minute, second)| {
            let minute = DateTime::strptime("%Y%m%d%H%M", minute).ok()?;
            let second = second.parse().ok().filter(|second| *second <= LEAP_SECOND)?;
            let minute = minute.to_zoned(TimeZone::UTC).ok()?.timestamp();
            minute.checked_add(SignedDuration::from_secs(second)).ok()
        });
    time.ok_or_else(|| {
        format!(
            "\"{}\" is no time; expected YYYYMMDD or YYYYMMDDHHMM[SS], in UTC",
            shown(text)
        )
    })
}

/// The last second of a minute.
const LEAP_SECOND: i64 = 60;
