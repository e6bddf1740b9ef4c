//! The list of allowed signers in OpenSSH's format: principals, options, key.

use super::pattern_list::PatternList;
use super::signer_options::{BLANKS, Options};
use jiff::Timestamp;
use ssh_key::PublicKey;
use std::fmt;

/// The namespace of git's signatures.
pub(crate) const NAMESPACE: &str = "git";

/// The keys whose signatures on commits are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    signers: Vec<Signer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signer {
    principals: String,
    key: PublicKey,
    /// `None`: every namespace.
    namespaces: Option<PatternList>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

/// A line of allowed_signers that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the allowed signers: {rule}")]
pub struct InvalidAllowedSigners {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what is expected.
    pub rule: String,
}

/// Why a key's signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    Unknown,
    OtherNamespace,
    NotYet(Timestamp),
    NoLonger(Timestamp),
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("this key is not among the allowed signers"),
            Self::OtherNamespace => f.write_str("the allowed signers list this key for other namespaces than git"),
            Self::NotYet(from) => write!(f, "the allowed signers list this key only from {from} on"),
            Self::NoLonger(until) => write!(f, "the allowed signers list this key only until {until}"),
        }
    }
}

impl AllowedSigners {
    /// Reads lines of `principals [options] type key [comment]`. The options are `namespaces="…"`, `valid-after="…"` and
    /// `valid-before="…"`. Times are UTC, with or without `Z`. Certificate authorities are not supported.
    ///
    /// # Errors
    /// The first line that is not valid, or a text without any signer.
    pub fn parse(text: &str) -> Result<Self, InvalidAllowedSigners> {
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = signer(line).map_err(|rule| InvalidAllowedSigners { line: index + 1, rule })?;
            signers.push(signer);
        }
        if signers.is_empty() {
            return Err(InvalidAllowedSigners {
                line: 1,
                rule: "the text has no signer; add one, since without an allowed signer no commit is applied"
                    .to_owned(),
            });
        }
        Ok(Self { signers })
    }

    /// Whether the key is listed, whatever its namespaces and times.
    pub(crate) fn has(&self, key: &PublicKey) -> bool {
        let key = key.key_data();
        self.signers.iter().any(|signer| signer.key.key_data() == key)
    }

    /// The principals of the first line that accepts the key's signature of a commit at that time. If no line does: the reason
    /// of the last line with the key.
    pub(crate) fn principals(&self, key: &ssh_key::public::KeyData, at: Timestamp) -> Result<&str, NotAllowed> {
        let mut reason = NotAllowed::Unknown;
        for signer in self.signers.iter().filter(|signer| signer.key.key_data() == key) {
            let is_for_git = signer
                .namespaces
                .as_ref()
                .is_none_or(|patterns| patterns.matches(NAMESPACE));
            reason = match (signer.after, signer.before) {
                _ if !is_for_git => NotAllowed::OtherNamespace,
                (Some(after), _) if at < after => NotAllowed::NotYet(after),
                (_, Some(before)) if at > before => NotAllowed::NoLonger(before),
                _ => return Ok(&signer.principals),
            };
        }
        Err(reason)
    }
}

/// Reads a line by the rules of `parse_principals_key_and_options` in OpenSSH's sshsig.c. What OpenSSH does not read is
/// refused: no key may count here that `git verify-commit` does not know.
fn signer(line: &str) -> Result<Signer, String> {
    let (principals, rest) = principals(line).ok_or(EXPECTED)?;
    let (options, key) = match PublicKey::from_openssh(rest) {
        Ok(key) => (Options::default(), key),
        Err(_) if !is_options(rest.split(BLANKS).next().unwrap_or_default()) => return Err(EXPECTED.to_owned()),
        Err(_) => {
            let (options, rest) = Options::parse(rest)?;
            (options, PublicKey::from_openssh(rest).map_err(|_| EXPECTED)?)
        }
    };
    Ok(Signer {
        principals: principals.to_owned(),
        key,
        namespaces: options.namespaces,
        after: options.after,
        before: options.before,
    })
}

const EXPECTED: &str =
    "expected principals, options and a public key, as in jo@acme.example namespaces=\"git\" ssh-ed25519 AAAA…";

/// Whether the word is meant as options, and not as a damaged key.
fn is_options(word: &str) -> bool {
    word.contains('=') || word.eq_ignore_ascii_case("cert-authority")
}

/// The principals and the rest of the line. Blanks may stand between quotes. A list of negated principals alone names nobody.
fn principals(line: &str) -> Option<(&str, &str)> {
    let (principals, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => line.split_once(BLANKS)?,
    };
    let names_somebody = principals
        .split(',')
        .any(|name| !name.is_empty() && !name.starts_with('!'));
    (names_somebody && !principals.contains('"')).then_some((principals, rest.trim_start_matches(BLANKS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf";

    fn verdict(text: &str, at: &str) -> Result<String, NotAllowed> {
        let allowed = AllowedSigners::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let key = PublicKey::from_openssh(KEY).unwrap();
        let principals = allowed.principals(key.key_data(), at.parse().unwrap());
        principals.map(str::to_owned)
    }

    #[test]
    fn a_key_counts_for_git_within_its_time() {
        let now = "2026-03-01T09:00:00Z";
        for (options, want) in [
            ("", Ok("jo@acme.example,*@shop.example".to_owned())),
            (
                "namespaces=\"file,git\" ",
                Ok("jo@acme.example,*@shop.example".to_owned()),
            ),
            ("namespaces=\"g*\" ", Ok("jo@acme.example,*@shop.example".to_owned())),
            ("namespaces=\"*,!git\" ", Err(NotAllowed::OtherNamespace)),
            ("namespaces=\"file, git\" ", Err(NotAllowed::OtherNamespace)),
            (
                "valid-before=\"20260301085960Z\" ",
                Ok("jo@acme.example,*@shop.example".to_owned()),
            ),
            (
                "NameSpaces=\"file,git\",valid-before=\"20260302utc\" ",
                Ok("jo@acme.example,*@shop.example".to_owned()),
            ),
            ("namespaces=\"file\" ", Err(NotAllowed::OtherNamespace)),
            (
                "valid-after=\"20260301Z\",valid-before=\"20260302\" ",
                Ok("jo@acme.example,*@shop.example".to_owned()),
            ),
            (
                "valid-after=\"202603010901\" ",
                Err(NotAllowed::NotYet("2026-03-01T09:01:00Z".parse().unwrap())),
            ),
            (
                "namespaces=\"git\",valid-before=\"20260301085959Z\" ",
                Err(NotAllowed::NoLonger("2026-03-01T08:59:59Z".parse().unwrap())),
            ),
        ] {
            let text = format!("# people\n\n{OTHER_LINE}\njo@acme.example,*@shop.example {options}{KEY} Jo's key\n");
            assert_eq!(verdict(&text, now), want, "{options}");
        }
        assert_eq!(verdict(OTHER_LINE, now), Err(NotAllowed::Unknown));
    }

    const OTHER_LINE: &str =
        "al@acme.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf";

    #[test]
    fn a_later_line_may_allow_what_an_earlier_one_does_not() {
        let text = format!("jo namespaces=\"file\" {KEY}\n\"jo now\" {KEY}\n");
        assert_eq!(verdict(&text, "2026-03-01T09:00:00Z"), Ok("jo now".to_owned()));
    }

    #[test]
    fn an_error_repeats_little_of_the_line_and_steers_no_terminal() {
        let long = format!("\u{1b}[2J{}", "x".repeat(100_000));
        for line in [
            format!("jo {long}=\"\" {OTHER}"),
            format!("jo valid-after=\"{long}\" {OTHER}"),
            format!("jo {long} {OTHER}"),
        ] {
            let error = AllowedSigners::parse(&line).unwrap_err().to_string();
            assert!(error.len() < 400 && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, line, why) in [
            ("", 1, "the text has no signer"),
            ("# nobody\n", 1, "the text has no signer"),
            (&format!("jo {KEY}\n{KEY}\n"), 2, "expected principals"),
            (&format!("jo {KEY}\njo\n"), 2, "expected principals"),
            (&format!("ca cert-authority {OTHER}\n"), 1, "not supported"),
            (&format!("jo touch-required=\"x\" {OTHER}\n"), 1, "no option"),
            (&format!("jo valid-after=\"soon\" {OTHER}\n"), 1, "no time"),
            (&format!("jo valid-after=\"20261301\" {OTHER}\n"), 1, "no time"),
            (&format!("jo valid-after=\"+2260101\" {OTHER}\n"), 1, "no time"),
            (
                &format!("jo namespaces=\"file\",namespaces=\"git\" {OTHER}\n"),
                1,
                "stands twice",
            ),
            (
                &format!("jo namespaces=\"file\" namespaces=\"git\" {OTHER}\n"),
                1,
                "expected principals",
            ),
            (&format!("jo namespaces=git {OTHER}\n"), 1, "between quotes"),
            (&format!("jo namespaces=\"git {OTHER}\n"), 1, "between quotes"),
            (&format!("jo namespaces=\"git\", {OTHER}\n"), 1, "no option"),
            (&format!("jo\"x y\" {OTHER}\n"), 1, "expected principals"),
            (&format!("!jo {OTHER}\n"), 1, "expected principals"),
            (&format!("jo \u{a0}{OTHER}\n"), 1, "expected principals"),
            ("jo ssh-ed25519 AAAA", 1, "expected principals"),
        ] {
            let error = AllowedSigners::parse(text).unwrap_err();
            assert!(error.line == line && error.rule.contains(why), "{text}: {error}");
        }
    }
}
