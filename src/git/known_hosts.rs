use super::forge_keys;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use ssh_key::certificate::CertType;
use ssh_key::{Algorithm, Certificate, Fingerprint, HashAlg, PublicKey, public::KeyData};

/// Host keys that are trusted, from a text in OpenSSH's known_hosts format: several keys and types for a host, patterns,
/// negations, hashed names, `[host]:port`, `@revoked`, `@cert-authority`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts(Vec<Line>);

/// A line of known_hosts that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of known_hosts is not valid: {rule}")]
pub struct InvalidKnownHosts {
    line: usize,
    rule: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    number: usize,
    mark: Mark,
    names: Vec<Name>,
    key: Known,
}

/// A host's key, or as much of it as its owner publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Key(PublicKey),
    /// The SHA-256 fingerprint of an RSA key.
    Print(Fingerprint),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Plain,
    Revoked,
    Authority,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Is { pattern: String, negated: bool },
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// What known_hosts says about a key that a host offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Trusted,
    Unknown,
    Changed {
        known: Vec<String>,
    },
    Revoked {
        line: usize,
    },
    /// By a known authority, and yet not to be trusted.
    Uncertified {
        rule: &'static str,
    },
}

impl KnownHosts {
    /// Reads the text; empty lines and comments are skipped.
    ///
    /// # Errors
    /// The first line that is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidKnownHosts> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bad = |rule| InvalidKnownHosts { line: index + 1, rule };
            let mut words = line.split_ascii_whitespace().peekable();
            let marker = words.next_if(|word| word.starts_with('@'));
            let Some(hosts) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let (Some(kind), Some(body)) = (words.next(), words.next()) else {
                return Err(bad(
                    "host names, key type and key are wanted, as ssh-keyscan prints them",
                ));
            };
            let mark = match marker {
                None => Mark::Plain,
                Some("@revoked") => Mark::Revoked,
                Some("@cert-authority") => Mark::Authority,
                Some(_) => return Err(bad("only the markers @revoked and @cert-authority are known")),
            };
            let key = PublicKey::from_openssh(&format!("{kind} {body}"))
                .map_err(|_| bad("the key does not fit its type, or is cut off"))?;
            let names = hosts
                .split(',')
                .map(|name| Name::parse(name).ok_or_else(|| bad("a hashed name is damaged")));
            lines.push(Line {
                number: index + 1,
                mark,
                names: names.collect::<Result<_, _>>()?,
                key: Known::Key(key),
            });
        }
        Ok(Self(lines))
    }

    /// Whether it names no host at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The host key algorithms to ask for, those known for the host first.
    pub(super) fn preference(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let known: Vec<Algorithm> = self
            .entries(host, port)
            .iter()
            .map(|line| line.key.algorithm())
            .collect();
        let is_known = |wanted: &Algorithm| {
            known
                .iter()
                .any(|have| have == wanted || matches!((have, wanted), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })))
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = russh::Preferred::DEFAULT
            .key
            .iter()
            .filter(|key| **key != Algorithm::Rsa { hash: None })
            .cloned()
            .partition(is_known);
        first.extend(rest);
        first
    }

    /// Compares a key that the host has proven to hold.
    pub(super) fn verdict(&self, host: &str, port: u16, offered: &KeyData) -> Verdict {
        if let Some(line) = self.revocation(host, port, offered) {
            return Verdict::Revoked { line };
        }
        let entries = self.entries(host, port);
        if entries.is_empty() {
            Verdict::Unknown
        } else if entries.iter().any(|line| line.key.is(offered)) {
            Verdict::Trusted
        } else {
            Verdict::Changed {
                known: entries.iter().map(|line| line.shown()).collect(),
            }
        }
    }

    /// Compares a certificate whose key the host has proven to hold, as OpenSSH does: one by an unknown authority is as good
    /// as the bare key in it. `now` in seconds since 1970.
    pub(super) fn certified(&self, host: &str, port: u16, offered: &Certificate, now: u64) -> Verdict {
        let (key, authority) = (offered.public_key(), offered.signature_key());
        let revoked = self.revocation(host, port, key);
        if let Some(line) = revoked.or_else(|| self.revocation(host, port, authority)) {
            return Verdict::Revoked { line };
        }
        let known = self.marked(host, port, Mark::Authority);
        if !known.iter().any(|line| line.key.is(authority)) {
            return self.verdict(host, port, key);
        }
        let names = offered.valid_principals();
        let named = |name: &String| matches(name.to_ascii_lowercase().as_bytes(), host.as_bytes());
        let rule = if offered.cert_type() != CertType::Host {
            "it is a user's certificate"
        } else if !names.is_empty() && !names.iter().any(named) {
            "it is for other host names"
        } else if offered.critical_options().iter().next().is_some() {
            "it has options that are not known"
        } else if offered
            .validate_at(now, &[authority.fingerprint(HashAlg::Sha256)])
            .is_err()
        {
            "it has expired, is not valid yet, or its signature is wrong"
        } else {
            return Verdict::Trusted;
        };
        Verdict::Uncertified { rule }
    }

    /// The certificate algorithms to ask for: none where no authority is known, since a certificate would then only be in
    /// the way of the keys that are.
    pub(super) fn certificates(&self, host: &str, port: u16) -> Vec<Algorithm> {
        if self.marked(host, port, Mark::Authority).is_empty() {
            return Vec::new();
        }
        let keys = russh::Preferred::DEFAULT.key.iter();
        keys.filter(|key| **key != Algorithm::Rsa { hash: None })
            .cloned()
            .collect()
    }

    /// The same, with the keys of the large forges for a host that it does not name at all.
    pub(super) fn or_builtin(mut self, host: &str, port: u16) -> Self {
        if self.entries(host, port).is_empty() && self.marked(host, port, Mark::Authority).is_empty() {
            self.0.extend(forge_keys::lines(host));
        }
        self
    }

    fn revocation(&self, host: &str, port: u16, key: &KeyData) -> Option<usize> {
        let names = [lookup_name(host, port), host.to_owned()];
        let revokes =
            |line: &&Line| line.mark == Mark::Revoked && line.key.is(key) && names.iter().any(|name| line.is_for(name));
        self.0.iter().find(revokes).map(|line| line.number)
    }

    fn entries(&self, host: &str, port: u16) -> Vec<&Line> {
        self.marked(host, port, Mark::Plain)
    }

    /// As OpenSSH does: a key known for the plain host serves a port of its own too, if that port has no line.
    fn marked(&self, host: &str, port: u16, mark: Mark) -> Vec<&Line> {
        let named = |name: &str| {
            self.0
                .iter()
                .filter(|line| line.mark == mark && line.is_for(name))
                .collect::<Vec<_>>()
        };
        let exact = named(&lookup_name(host, port));
        if exact.is_empty() { named(host) } else { exact }
    }
}

/// The name under which known_hosts has a host and port.
pub(super) fn lookup_name(host: &str, port: u16) -> String {
    if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}

/// Type and SHA-256 fingerprint, for people.
pub(super) fn shown(key: &KeyData) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

impl Known {
    fn is(&self, key: &KeyData) -> bool {
        match self {
            Self::Key(known) => known.key_data() == key,
            Self::Print(known) => key.fingerprint(HashAlg::Sha256) == *known,
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Key(known) => known.algorithm(),
            Self::Print(_) => Algorithm::Rsa { hash: None },
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Key(known) => shown(known.key_data()),
            Self::Print(known) => format!("{} {known}", self.algorithm()),
        }
    }
}

impl Line {
    /// A key that came with the program.
    pub(super) fn builtin(host: &str, key: PublicKey) -> Self {
        Self::of_the_program(host, Known::Key(key))
    }

    /// The fingerprint of an RSA key that came with the program.
    pub(super) fn builtin_print(host: &str, print: Fingerprint) -> Self {
        Self::of_the_program(host, Known::Print(print))
    }

    fn of_the_program(host: &str, key: Known) -> Self {
        let names = vec![Name::Is {
            pattern: host.to_owned(),
            negated: false,
        }];
        Self {
            number: 0,
            mark: Mark::Plain,
            names,
            key,
        }
    }

    fn shown(&self) -> String {
        let key = self.key.shown();
        match self.number {
            0 => format!("{key} (built in)"),
            line => format!("{key} (line {line})"),
        }
    }

    fn is_for(&self, host: &str) -> bool {
        let mut found = false;
        for name in &self.names {
            match name {
                Name::Is { pattern, negated } if matches(pattern.as_bytes(), host.as_bytes()) => {
                    if *negated {
                        return false;
                    }
                    found = true;
                }
                Name::Hashed { salt, hash } => found |= is_hash_of(salt, hash, host),
                Name::Is { .. } => {}
            }
        }
        found
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let Some(hashed) = text.strip_prefix("|1|") else {
            let (pattern, negated) = text.strip_prefix('!').map_or((text, false), |rest| (rest, true));
            return Some(Self::Is {
                pattern: pattern.to_ascii_lowercase(),
                negated,
            });
        };
        let (salt, hash) = hashed.split_once('|')?;
        Some(Self::Hashed {
            salt: STANDARD.decode(salt).ok()?,
            hash: STANDARD.decode(hash).ok()?,
        })
    }
}

fn is_hash_of(salt: &[u8], hash: &[u8], host: &str) -> bool {
    Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mac| mac.chain_update(host).verify_slice(hash).is_ok())
}

/// `*` stands for any characters, `?` for one. Greedy with one fallback, so linear in practice and never exponential.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here, mut star) = (0, 0, None);
    while let Some(c) = text.get(here) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(p) if p == c || *p == b'?' => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((back, from)) = star else { return false };
                star = Some((back, from + 1));
                at = back + 1;
                here = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|c| *c == b'*')
}
