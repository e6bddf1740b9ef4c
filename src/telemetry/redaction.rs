//! The secrets that this process has sent, so that no text of a server gives one back.
//!
//! A server may repeat a request in its answer: an error page prints the `Authorization` header, a hook prints its environment.
//! The list is one for the process, because an answer of one server may hold what was sent to another one behind the same proxy.

use super::encodings::{encodings, unescaped};
use crate::model::Secret;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
const HIDDEN: &str = "<hidden>";
/// The beginning of a secret at the end of a text that was cut is hidden from this length on.
const SHORTEST_START: usize = 4;
/// A part of an address that is shorter is a word, such as `services`, and no key.
const SHORTEST_KEY: usize = 12;
/// The secrets that are remembered. Tokens that live for an hour are renewed; the oldest ones are worth nothing any more.
const MOST: usize = 64;
/// How often a text is escaped at most: a proxy escapes for HTML what a log has escaped for JSON.
const ESCAPES: usize = 3;

static SENT: RwLock<Sent> = RwLock::new(Sent::new());

/// A login or a token that was sent.
#[derive(PartialEq, Eq)]
struct Entry {
    /// The texts that may not be shown: the password, and user and password together.
    texts: Vec<String>,
    /// The same texts in every encoding.
    forms: Vec<String>,
}

/// Every sent secret, the newest last.
struct Sent {
    entries: VecDeque<Entry>,
    /// Finds the longest encoding at each position; `None` before the first secret.
    finder: Option<AhoCorasick>,
}

/// Remembers a token that goes out with a request. Call this before the request.
pub(crate) fn remember_token(token: &Secret) {
    remember(vec![token.expose().to_owned()]);
}

/// Remembers a login that goes out with a request as `user:password`. Call this before the request.
pub(crate) fn remember_login(user: &str, password: &Secret) {
    let password = password.expose();
    remember(vec![format!("{user}:{password}"), password.to_owned()]);
}

/// Remembers an address that is a secret, such as that of a chat's webhook. A server may give back a part of it: its path, or the
/// key in its path or query.
pub(crate) fn remember_address(address: &Secret) {
    let whole = address.expose();
    let path = whole.split_once("://").map_or(whole, |(_, rest)| rest);
    let path = path.find('/').map_or("", |at| &path[at + 1..]);
    let keys = path
        .split(['/', '?', '&', '=', '#'])
        .filter(|key| key.len() >= SHORTEST_KEY);
    let parts = std::iter::once(path).chain(keys).filter(|part| !part.is_empty());
    remember(std::iter::once(whole).chain(parts).map(str::to_owned).collect());
}

/// The text without the secrets that this process has sent, in any of their encodings. The beginning of a secret at the end of
/// the text goes too, because the text may have been cut there.
pub(crate) fn redacted(text: &str) -> String {
    let sent = SENT.read().unwrap_or_else(PoisonError::into_inner);
    let mut out = sent.hide(text);
    if let Some(length) = sent.forms().filter_map(|form| start_at_end(&out, form)).max() {
        out.truncate(out.len() - length);
        out.push_str(HIDDEN);
    }
    out
}

/// The same for a text that was not cut, such as an event of the log.
pub(super) fn redacted_whole(text: &str) -> String {
    SENT.read().unwrap_or_else(PoisonError::into_inner).hide(text)
}

impl Sent {
    const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            finder: None,
        }
    }

    fn forms(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .flat_map(|entry| entry.forms.iter().map(String::as_str))
    }

    fn hide(&self, text: &str) -> String {
        let Some(finder) = &self.finder else {
            return text.to_owned();
        };
        let mut found: Vec<Range<usize>> = finder.find_iter(text).map(|found| found.range()).collect();
        let mut bytes: Vec<(u8, Range<usize>)> = Vec::new();
        for _ in 0..ESCAPES {
            let from = match bytes.is_empty() {
                true => text.bytes().enumerate().map(|(at, byte)| (byte, at..at + 1)).collect(),
                false => bytes,
            };
            let Some(shorter) = unescaped(&from) else {
                break;
            };
            bytes = shorter;
            let plain: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
            let places = finder.find_iter(&plain).filter_map(|found| bytes.get(found.range()));
            found.extend(places.filter_map(|place| Some(place.first()?.1.start..place.last()?.1.end)));
        }
        cut_out(text, found)
    }
}

/// The text with [`HIDDEN`] in the place of the ranges.
fn cut_out(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        if range.start >= end {
            out.push_str(text.get(end..range.start).unwrap_or_default());
            out.push_str(HIDDEN);
        }
        end = end.max(range.end);
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

/// The length of the longest beginning of `form` that ends `text`.
fn start_at_end(text: &str, form: &str) -> Option<usize> {
    let end = text.trim_end_matches('…');
    let longest = form.len().min(end.len());
    let length = (SHORTEST_START..longest).rev().find(|length| {
        let start = form.get(..*length);
        start.is_some_and(|start| end.ends_with(start))
    })?;
    Some(length + text.len() - end.len())
}

fn remember(texts: Vec<String>) {
    // Most requests send the newest secret again.
    let is_newest = |sent: &Sent| sent.entries.back().is_some_and(|newest| newest.texts == texts);
    if is_newest(&SENT.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut sent = SENT.write().unwrap_or_else(PoisonError::into_inner);
    let known = sent.entries.iter().position(|entry| entry.texts == texts);
    let entry = match known.and_then(|at| sent.entries.remove(at)) {
        Some(entry) => entry,
        None => Entry {
            forms: encodings(&texts),
            texts,
        },
    };
    sent.entries.push_back(entry);
    if sent.entries.len() > MOST {
        sent.entries.pop_front();
    }
    if known.is_none() {
        let builder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(sent.forms());
        // A build fails beyond 2^31 states; a few thousand short texts stay far below.
        sent.finder = builder.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    #[test]
    fn a_sent_login_is_hidden_in_every_encoding() {
        let password = "p4ss/w%rd +\"'<&\\ü-k7";
        remember_login("red-bot", &Secret::new(password));
        let login = format!("red-bot:{password}");
        for shown in [
            password.to_owned(),
            login.clone(),
            STANDARD.encode(&login),
            URL_SAFE_NO_PAD.encode(&login),
            STANDARD.encode(password),
            utf8_percent_encode(password, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(password, NON_ALPHANUMERIC)
                .to_string()
                .to_lowercase(),
            utf8_percent_encode(&STANDARD.encode(&login), NON_ALPHANUMERIC).to_string(),
            serde_json::to_string(password).unwrap().trim_matches('"').to_owned(),
        ] {
            assert_eq!(redacted(&format!("a {shown} b")), "a <hidden> b", "{shown}");
            let cut: String = shown.chars().take(shown.chars().count() - 2).collect();
            for text in [format!("a {cut}"), format!("a {cut}…")] {
                let hidden = redacted(&text);
                assert!(hidden.starts_with("a ") && !hidden.contains(&cut), "{hidden}");
            }
        }
    }

    #[test]
    fn an_address_is_hidden_with_its_path_and_its_keys() {
        remember_address(&Secret::new(
            "https://chat.example/services/T0/B0/key-of-the-chat-0?sig=signature-of-it&v=1",
        ));
        for (text, expected) in [
            ("no key-of-the-chat-0 here", "no <hidden> here"),
            (
                "at /services/T0/B0/key-of-the-chat-0?sig=signature-of-it&v=1 now",
                "at /<hidden> now",
            ),
            ("sig signature-of-it now", "sig <hidden> now"),
            ("all services of chat.example work", "all services of chat.example work"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn a_long_token_is_hidden_where_its_base64_is_wrapped() {
        let token = "github_pat_11ABCDEFG0abcdefghijklm_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz01234567";
        remember_login("git", &Secret::new(token));
        let form = STANDARD.encode(format!("git:{token}"));
        for line in form.as_bytes().chunks(76) {
            let line = String::from_utf8_lossy(line);
            assert_eq!(redacted(&format!("x {line} x")), "x <hidden> x");
        }
    }

    #[test]
    fn a_sent_token_is_hidden_within_longer_encoded_texts_and_where_it_is_escaped_twice() {
        let token = "t0ken/of+many=layers&x";
        remember_login("blue", &Secret::new(token));
        let every_byte = |start: &str| {
            token
                .bytes()
                .fold(String::new(), |out, byte| format!("{out}{start}{byte:02x}"))
        };
        for shown in [
            hex::encode(token),
            hex::encode_upper(format!("blue:{token}")),
            every_byte("%"),
            every_byte("\\x"),
            every_byte("\\u00"),
            token
                .chars()
                .fold(String::new(), |out, c| format!("{out}&#{};", u32::from(c))),
            token
                .chars()
                .fold(String::new(), |out, c| format!("{out}&#x{:X};", u32::from(c))),
            token.replace('/', "\\/"),
            token.replace('/', "&#x2F;").replace('=', "&#61;").replace('&', "&amp;"),
            token.replace('&', "&amp;amp;"),
            utf8_percent_encode(&every_byte("%"), NON_ALPHANUMERIC).to_string(),
        ] {
            assert_eq!(redacted(&format!("a {shown} b")), "a <hidden> b", "{shown}");
        }
        let header = format!("Authorization: Basic {}", STANDARD.encode(format!("blue:{token}")));
        for before in 0..4 {
            for inner in [token, &header] {
                let shown = STANDARD.encode(format!("{}{inner} and more", "x".repeat(before)));
                let hidden = redacted(&shown);
                assert!(hidden.contains(HIDDEN) && hidden.len() < shown.len() - 8, "{hidden}");
            }
        }
        for plain in [
            "100%",
            "50%zz \\u12",
            "a & b &amp; c &#; &#999999999;",
            "\\",
            "C:\\x\\u",
        ] {
            assert_eq!(redacted(plain), plain);
        }
    }

    #[test]
    fn other_texts_stay_as_they_are_and_old_secrets_are_forgotten() {
        for n in 0..300 {
            remember_token(&Secret::new(format!("redaction-token-{n:03}-x")));
        }
        assert_eq!(redacted("redaction-token-299-x"), "<hidden>");
        assert!(SENT.read().unwrap().entries.len() <= MOST);
        remember_token(&Secret::new("abc"));
        assert_eq!(redacted("abc is a word"), "abc is a word");
    }
}
