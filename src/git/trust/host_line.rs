//! One line of known_hosts.

use super::fingerprint::describe;
use super::pattern_list::PatternList;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use ssh_key::known_hosts::{HostPatterns, Marker};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, Fingerprint, HashAlg, PublicKey};

/// Host names and one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostLine {
    /// Counted from 1; `None` for a key that is built into the program.
    number: Option<usize>,
    kind: LineKind,
    names: HostNames,
    key: HostKey,
}

/// What a line says about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    Trusted,
    Revoked,
    Authority,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostNames {
    Patterns(PatternList),
    Hashed { salt: Vec<u8>, hash: [u8; 20] },
}

/// A host's key, or as much of the key as its owner publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostKey {
    Key(PublicKey),
    /// The SHA-256 fingerprint of an RSA key.
    RsaFingerprint(Fingerprint),
}

impl HostLine {
    /// Reads one line; `None` if the line is empty or a comment.
    ///
    /// `ssh_key::known_hosts` reads the fields of the line and not the line as a whole, since that loses three things: the
    /// number of the line, the reason why a line is invalid, and fields separated by tabs or several blanks, which OpenSSH
    /// accepts.
    pub(crate) fn parse(number: usize, line: &str) -> Result<Option<Self>, &'static str> {
        let words = line.trim_end_matches('\r').split([' ', '\t']);
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        if words.peek().is_none_or(|word| word.starts_with('#')) {
            return Ok(None);
        }
        let marker = words.next_if(|word| word.starts_with('@'));
        let (Some(hosts), Some(algorithm), Some(body)) = (words.next(), words.next(), words.next()) else {
            return Err("expected host names, key type and key, as ssh-keyscan prints them");
        };
        let kind = match marker.map(str::parse) {
            None => LineKind::Trusted,
            Some(Ok(Marker::Revoked)) => LineKind::Revoked,
            Some(Ok(Marker::CertAuthority)) => LineKind::Authority,
            Some(Err(_)) => return Err("the marker is neither @revoked nor @cert-authority"),
        };
        let key = PublicKey::from_openssh(&format!("{algorithm} {body}"))
            .map_err(|_| "the key does not fit its type, or is cut off")?;
        let names = match hosts.parse().map_err(|_| "the hashed host name is damaged")? {
            HostPatterns::HashedName { salt, hash } => HostNames::Hashed { salt, hash },
            HostPatterns::Patterns(patterns) => {
                HostNames::Patterns(PatternList::of_hosts(patterns.iter().map(String::as_str)))
            }
        };
        Ok(Some(Self {
            number: Some(number),
            kind,
            names,
            key: HostKey::Key(key),
        }))
    }

    /// A key that is built into the program.
    pub(crate) fn builtin(host: &str, key: PublicKey) -> Self {
        Self::built_in(host, HostKey::Key(key))
    }

    /// The fingerprint of an RSA key that is built into the program.
    pub(crate) fn builtin_fingerprint(host: &str, fingerprint: Fingerprint) -> Self {
        Self::built_in(host, HostKey::RsaFingerprint(fingerprint))
    }

    fn built_in(host: &str, key: HostKey) -> Self {
        Self {
            number: None,
            kind: LineKind::Trusted,
            names: HostNames::Patterns(PatternList::of_hosts([host])),
            key,
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.number.unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> LineKind {
        self.kind
    }

    pub(crate) fn names(&self, host: &str) -> bool {
        match &self.names {
            HostNames::Patterns(patterns) => patterns.matches(host),
            HostNames::Hashed { salt, hash } => is_hash_of(salt, hash, host),
        }
    }

    pub(crate) fn has_key(&self, key: &KeyData) -> bool {
        match &self.key {
            HostKey::Key(known) => known.key_data() == key,
            HostKey::RsaFingerprint(known) => key.fingerprint(HashAlg::Sha256) == *known,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match &self.key {
            HostKey::Key(known) => known.algorithm(),
            HostKey::RsaFingerprint(_) => Algorithm::Rsa { hash: None },
        }
    }

    /// The key's type and fingerprint, and the line, for people.
    pub(crate) fn describe(&self) -> String {
        let key = match &self.key {
            HostKey::Key(known) => describe(known.key_data()),
            HostKey::RsaFingerprint(known) => format!("{} {known}", self.algorithm()),
        };
        match self.number {
            None => format!("{key} (built in)"),
            Some(line) => format!("{key} (line {line})"),
        }
    }
}

fn is_hash_of(salt: &[u8], hash: &[u8], host: &str) -> bool {
    Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mac| mac.chain_update(host).verify_slice(hash).is_ok())
}
