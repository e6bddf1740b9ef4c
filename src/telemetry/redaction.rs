//! The secrets that this process has sent, so that no text of a server gives one back.
//!
//! A server may repeat a request in its answer: an error page prints the `Authorization` header, a hook prints its environment.
//! The list is one for the process, because an answer of one server may hold what was sent to another one behind the same proxy.

use crate::model::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
const HIDDEN: &str = "<hidden>";
/// Shorter texts are words of ordinary messages. No forge makes such a token.
const SHORTEST: usize = 4;
/// The beginning of a secret at the end of a text that was cut is hidden from this length on.
const SHORTEST_START: usize = 4;
/// The secrets that are remembered. Tokens that live for an hour are renewed; the oldest ones are worth nothing any more.
const MOST: usize = 64;

/// Where programs wrap base64. Sources: RFC 2045 (MIME) and RFC 7468 (PEM).
const WRAPS: [usize; 2] = [76, 64];

/// What a URL's component leaves as it is. Source: `encodeURIComponent` in ECMA-262.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Every sent secret in all its encodings, the newest last. Within an entry the longest encoding comes first.
static SENT: RwLock<VecDeque<Vec<String>>> = RwLock::new(VecDeque::new());

/// Remembers a token that goes out with a request. Call this before the request.
pub(crate) fn remember_token(token: &Secret) {
    remember(encodings(&[token.expose()]));
}

/// Remembers a login that goes out with a request as `user:password`. Call this before the request.
pub(crate) fn remember_login(user: &str, password: &Secret) {
    let login = format!("{user}:{}", password.expose());
    remember(encodings(&[&login, password.expose()]));
}

/// The text without the secrets that this process has sent, in any of their encodings. The beginning of a secret at the end of
/// the text goes too, because the text may have been cut there.
pub(crate) fn redacted(text: &str) -> String {
    let sent = SENT.read().unwrap_or_else(PoisonError::into_inner);
    let mut out = text.to_owned();
    // The longest first: a login holds its password.
    let mut forms: Vec<&String> = sent.iter().flatten().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    for form in &forms {
        if out.contains(form.as_str()) {
            out = out.replace(form.as_str(), HIDDEN);
        }
    }
    let cut = forms.iter().filter_map(|form| start_at_end(&out, form)).max();
    if let Some(length) = cut {
        out.truncate(out.len() - length);
        out.push_str(HIDDEN);
    }
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

fn remember(forms: Vec<String>) {
    let mut sent = SENT.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = sent.iter().position(|known| *known == forms) {
        // Most requests send the newest secret again.
        if at + 1 == sent.len() {
            return;
        }
        sent.remove(at);
    }
    sent.push_back(forms);
    if sent.len() > MOST {
        sent.pop_front();
    }
}

/// A secret as servers may print it: raw, base64, URL-encoded, and escaped for HTML and JSON.
fn encodings(texts: &[&str]) -> Vec<String> {
    let mut forms = Vec::new();
    for text in texts.iter().filter(|text| text.len() >= SHORTEST) {
        forms.push((*text).to_owned());
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            let form = engine.encode(text);
            forms.push(utf8_percent_encode(&form, COMPONENT).to_string());
            forms.extend(WRAPS.iter().flat_map(|wrap| wrapped(&form, *wrap)));
            forms.push(form);
        }
        for set in [NON_ALPHANUMERIC, COMPONENT] {
            let upper = utf8_percent_encode(text, set).to_string();
            forms.push(lower_escapes(&upper));
            forms.push(upper.replace("%20", "+"));
            forms.push(upper);
        }
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.push(html.replace('"', "&quot;").replace('\'', "&#39;"));
        forms.push(html.replace('"', "&#34;").replace('\'', "&#39;"));
        forms.push(html);
        forms.push(text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
}

/// The lines of a base64 text that is wrapped; none if it fits into one line.
fn wrapped(form: &str, wrap: usize) -> impl Iterator<Item = String> {
    let lines = form.as_bytes().chunks(wrap).filter(|line| line.len() >= SHORTEST);
    let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
    lines.filter(move |_| form.len() > wrap)
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut left = 0_usize;
    let lower = text.chars().map(|c| {
        if c == '%' {
            left = 2;
            return c;
        }
        let escaped = left > 0;
        left = left.saturating_sub(usize::from(escaped));
        if escaped { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn other_texts_stay_as_they_are_and_old_secrets_are_forgotten() {
        for n in 0..300 {
            remember_token(&Secret::new(format!("redaction-token-{n:03}-x")));
        }
        assert_eq!(redacted("redaction-token-299-x"), "<hidden>");
        assert!(SENT.read().unwrap().len() <= MOST);
        remember_token(&Secret::new("abc"));
        assert_eq!(redacted("abc is a word"), "abc is a word");
    }
}
