use crate::git::lock::locked;
use crate::git::transport::error::Error;
use crate::git::trust::known_hosts::{Verdict, lookup_name};
use crate::git::trust::{KnownHosts, describe};
use crate::git::url::RepoUrl;
use russh::client;
use russh::keys::PublicKeyOrCertificate;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Our side of the SSH handshake: judges the host's key or certificate, and nothing else.
pub(crate) struct HostCheck {
    url: RepoUrl,
    known: KnownHosts,
    /// Why the host was rejected; russh's own error does not say.
    rejection: Arc<Mutex<Option<Error>>>,
}

impl HostCheck {
    pub(crate) fn new(url: RepoUrl, known: KnownHosts, rejection: Arc<Mutex<Option<Error>>>) -> Self {
        Self { url, known, rejection }
    }

    /// The reason to reject the key with this verdict.
    fn rejection(&self, key: &KeyData, verdict: Verdict) -> Option<Error> {
        let (server, offered) = (self.url.server(), describe(key));
        Some(match verdict {
            Verdict::Trusted => return None,
            Verdict::Unknown => {
                let public = PublicKey::new(key.clone(), "").to_openssh().unwrap_or_default();
                let name = lookup_name(self.url.host(), self.url.port());
                Error::HostKeyUnknown {
                    server,
                    offered,
                    line: format!("{name} {}", public.trim()),
                }
            }
            Verdict::Changed { known } => Error::HostKeyChanged {
                server,
                offered,
                known: known.join(", "),
            },
            Verdict::InvalidCertificate { rule } => Error::HostCertificate { server, offered, rule },
            Verdict::Revoked { line } => Error::HostKeyRevoked { server, offered, line },
        })
    }
}

impl client::Handler for HostCheck {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let (host, port) = (self.url.host(), self.url.port());
        let (key, verdict) = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                let key = key.key_data();
                (key, self.known.judge_key(host, port, key))
            }
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let now = now.map_or(0, |since| since.as_secs());
                let verdict = self.known.judge_certificate(host, port, certificate, now);
                (certificate.public_key(), verdict)
            }
        };
        let rejection = self.rejection(key, verdict);
        let is_trusted = rejection.is_none();
        *locked(&self.rejection) = rejection;
        Ok(is_trusted)
    }
}
