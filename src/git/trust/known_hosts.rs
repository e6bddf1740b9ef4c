use super::forge_keys;
use super::host_line::{HostLine, LineKind};
use crate::model::Wildcard;
use ssh_key::certificate::CertType;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, Certificate, HashAlg};

/// Trusted host keys, from a text in OpenSSH's known_hosts format: several keys and types for a host, patterns, negations,
/// hashed names, `[host]:port`, `@revoked`, `@cert-authority`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts(Vec<HostLine>);

/// A line of known_hosts that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of known_hosts is not valid: {rule}")]
pub struct InvalidKnownHosts {
    line: usize,
    rule: &'static str,
}

/// What known_hosts says about the key of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Trusted,
    /// The host is not listed.
    Unknown,
    /// The host is listed with other keys.
    Changed {
        known: Vec<String>,
    },
    Revoked {
        line: usize,
    },
    /// A known authority has signed the certificate, but the certificate is not valid.
    InvalidCertificate {
        rule: &'static str,
    },
}

impl KnownHosts {
    /// Reads the text; empty lines and comments are skipped.
    ///
    /// # Errors
    /// The first line that is not valid.
    pub fn parse(text: &str) -> Result<Self, InvalidKnownHosts> {
        let lines = text.lines().enumerate().filter_map(|(index, line)| {
            let number = index + 1;
            let invalid = |rule| InvalidKnownHosts { line: number, rule };
            HostLine::parse(number, line).map_err(invalid).transpose()
        });
        lines.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the list names no host.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `supported` host key algorithms, with the known ones of the host first.
    pub(crate) fn algorithms(
        &self,
        host: &str,
        port: u16,
        supported: impl Iterator<Item = Algorithm>,
    ) -> Vec<Algorithm> {
        let trusted = self.lines(host, port, LineKind::Trusted);
        let known: Vec<Algorithm> = trusted.iter().map(|line| line.algorithm()).collect();
        let is_known = |offered: &Algorithm| {
            known.iter().any(|known| {
                let both_rsa = matches!((known, offered), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }));
                known == offered || both_rsa
            })
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = supported.partition(is_known);
        first.extend(rest);
        first
    }

    /// Whether the host may prove itself with a certificate. Without a known authority it may not, since it would then send a
    /// certificate instead of the key that known_hosts has.
    pub(crate) fn has_authority(&self, host: &str, port: u16) -> bool {
        !self.lines(host, port, LineKind::Authority).is_empty()
    }

    /// Judges a key that the host has proven to hold.
    pub(crate) fn judge_key(&self, host: &str, port: u16, offered: &KeyData) -> Verdict {
        if let Some(line) = self.revocation(host, port, offered) {
            return Verdict::Revoked { line };
        }
        let trusted = self.lines(host, port, LineKind::Trusted);
        if trusted.is_empty() {
            Verdict::Unknown
        } else if trusted.iter().any(|line| line.has_key(offered)) {
            Verdict::Trusted
        } else {
            Verdict::Changed {
                known: trusted.iter().map(|line| line.describe()).collect(),
            }
        }
    }

    /// Judges a certificate whose key the host has proven to hold, as OpenSSH does: a certificate of an unknown authority counts
    /// as the bare key in it. `now` is in seconds since 1970.
    pub(crate) fn judge_certificate(&self, host: &str, port: u16, offered: &Certificate, now: u64) -> Verdict {
        let (key, authority) = (offered.public_key(), offered.signature_key());
        let revoked = self.revocation(host, port, key);
        if let Some(line) = revoked.or_else(|| self.revocation(host, port, authority)) {
            return Verdict::Revoked { line };
        }
        let authorities = self.lines(host, port, LineKind::Authority);
        if !authorities.iter().any(|line| line.has_key(authority)) {
            return self.judge_key(host, port, key);
        }
        match certificate_problem(host, offered, now) {
            None => Verdict::Trusted,
            Some(rule) => Verdict::InvalidCertificate { rule },
        }
    }

    /// Adds the built-in keys of the large forges if the list does not name the host.
    pub(crate) fn or_builtin(mut self, host: &str, port: u16) -> Self {
        let kinds = [LineKind::Trusted, LineKind::Authority];
        if kinds.iter().all(|kind| self.lines(host, port, *kind).is_empty()) {
            self.0.extend(forge_keys::lines(host));
        }
        self
    }

    fn revocation(&self, host: &str, port: u16, key: &KeyData) -> Option<usize> {
        let names = [lookup_name(host, port), host.to_owned()];
        let revokes = |line: &&HostLine| {
            line.kind() == LineKind::Revoked && line.has_key(key) && names.iter().any(|name| line.names(name))
        };
        self.0.iter().find(revokes).map(HostLine::number)
    }

    /// The lines of one kind for a host. As in OpenSSH, the lines of the plain host serve a port that has no line of its own.
    fn lines(&self, host: &str, port: u16, kind: LineKind) -> Vec<&HostLine> {
        let named = |name: &str| -> Vec<&HostLine> {
            let lines = self.0.iter();
            lines.filter(|line| line.kind() == kind && line.names(name)).collect()
        };
        let exact = named(&lookup_name(host, port));
        if exact.is_empty() { named(host) } else { exact }
    }
}

/// What makes the certificate of a known authority invalid for the host.
fn certificate_problem(host: &str, offered: &Certificate, now: u64) -> Option<&'static str> {
    let names = offered.valid_principals();
    let is_named = |name: &String| Wildcard::ignoring_case(name.as_str()).matches(host);
    let authority = offered.signature_key().fingerprint(HashAlg::Sha256);
    if offered.cert_type() != CertType::Host {
        Some("it is a user certificate")
    } else if !names.is_empty() && !names.iter().any(is_named) {
        Some("it is for other host names")
    } else if offered.critical_options().iter().next().is_some() {
        Some("it has critical options that are not known")
    } else if offered.validate_at(now, &[authority]).is_err() {
        Some("it has expired, is not valid yet, or its signature is wrong")
    } else {
        None
    }
}

/// The name under which known_hosts lists a host and port.
pub(crate) fn lookup_name(host: &str, port: u16) -> String {
    if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}
