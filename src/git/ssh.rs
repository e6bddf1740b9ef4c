//! One SSH connection to one host, kept open between commands. Every wait here has a deadline.

use super::error::Error;
use super::exec::Exec;
use super::identity::DeployKey;
use super::known_hosts::{self, KnownHosts, Verdict};
use super::session::Session;
use super::settings::HostKeys;
use super::socket::Socket;
use super::url::RepoUrl;
use super::wire::{Wire, locked};
use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use ssh_key::PublicKey;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Below the idle limits of the firewalls and load balancers that are met (60 s and more).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What we log in with, whom we trust, and the connection.
pub(super) struct Ssh {
    key: Mutex<Arc<DeployKey>>,
    /// Tried where the key is refused: the one that is to follow it.
    next_key: Mutex<Option<Arc<DeployKey>>>,
    /// Told when the server does not take our key.
    pub key_refused: Notify,
    host_keys: HostKeys,
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Ssh {
    pub(super) fn new(key: Arc<DeployKey>, host_keys: HostKeys) -> Self {
        Self {
            key: Mutex::new(key),
            next_key: Mutex::default(),
            key_refused: Notify::new(),
            host_keys,
            session: tokio::sync::Mutex::new(None),
        }
    }
}

impl Wire {
    /// Starts a command: on the kept-open connection if there is one, else on a new one. `stop` ends it.
    pub(super) async fn exec(&self, command: &str, stop: &CancellationToken) -> Result<Exec, Error> {
        self.unless_stopped(stop, self.run(command, stop)).await
    }

    async fn run(&self, command: &str, stop: &CancellationToken) -> Result<Exec, Error> {
        let mut slot = self.ssh.session.lock().await;
        let (key, stamp) = (self.key(), self.ssh.host_keys.stamp());
        if let Some(session) = slot.take() {
            if session.is_for(&key, stamp)
                && let Ok(exec) = session.start(self, command, true, stop).await
            {
                *slot = Some(session);
                return Ok(exec);
            }
            if session.was_waiting() {
                locked(&self.demand).ended_early();
            }
            tokio::spawn(async move { session.hang_up().await });
        }
        let (handle, key) = self.connect_with(key).await?;
        let session = Session::new(handle, key, stamp);
        let exec = session.start(self, command, false, stop).await?;
        *slot = Some(session);
        Ok(exec)
    }

    /// The kept-open connection, if a command could be started on it now.
    pub(super) async fn kept(&self) -> Option<Session> {
        let slot = self.ssh.session.lock().await;
        let session = slot.as_ref()?;
        session
            .is_for(&self.key(), self.ssh.host_keys.stamp())
            .then(|| session.clone())
    }

    /// What we log in with.
    pub(super) fn key(&self) -> Arc<DeployKey> {
        Arc::clone(&locked(&self.ssh.key))
    }

    /// From the next command on we log in with another key.
    pub(super) fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        *locked(&self.ssh.key) = Arc::clone(&key);
        *locked(&self.ssh.next_key) = next;
        if let Ok(mut slot) = self.ssh.session.try_lock() {
            drop(slot.take_if(|session| !Arc::ptr_eq(&session.key, &key)));
        }
    }

    /// Where our key is refused, another one may be taken already: the one that has followed it while we were logging in,
    /// or the one that is to follow, if somebody was quicker in removing the old one than we in noticing.
    async fn connect_with(&self, key: Arc<DeployKey>) -> Result<(Handle<Client>, Arc<DeployKey>), Error> {
        let refusal = match self.connect(&key).await {
            Ok(handle) => return Ok((handle, key)),
            Err(error @ Error::KeyRefused { .. }) => error,
            Err(error) => return Err(error),
        };
        let now = self.key();
        if !Arc::ptr_eq(&now, &key) {
            let handle = self.connect(&now).await?;
            return Ok((handle, now));
        }
        let next = locked(&self.ssh.next_key).clone();
        let Some(next) = next else { return Err(refusal) };
        let handle = self.connect(&next).await.map_err(|_| refusal)?;
        self.take_next(&key, &next);
        Ok((handle, next))
    }

    /// Only if nobody has set another one meanwhile.
    fn take_next(&self, from: &Arc<DeployKey>, next: &Arc<DeployKey>) {
        let mut current = locked(&self.ssh.key);
        if Arc::ptr_eq(&current, from) {
            *current = Arc::clone(next);
        }
    }

    /// Forgets the kept-open connection: the next command makes a new one.
    pub(super) async fn hang_up(&self) {
        self.http.hang_up();
        if let Some(session) = self.ssh.session.lock().await.take() {
            session.hang_up().await;
        }
    }

    async fn connect(&self, key: &DeployKey) -> Result<Handle<Client>, Error> {
        let place = self.url.place();
        let known = self.ssh.host_keys.read().map_err(Error::KnownHosts)?;
        let known = known.or_builtin(self.url.host(), self.url.port());
        let stream = self.tcp(&place).await?;
        let (heard, in_login) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let stream = Socket::new(stream, Arc::clone(&heard)).map_err(|source| Error::Connect {
            place: place.clone(),
            source,
        })?;
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        let refusal = Arc::new(Mutex::new(None));
        let (host, port) = (self.url.host(), self.url.port());
        let config = config(known.preference(host, port), known.certificates(host, port));
        let client = Client {
            url: self.url.clone(),
            known,
            refusal: Arc::clone(&refusal),
        };
        let login = async {
            let mut handle = client::connect_stream(Arc::new(config), stream, client)
                .await
                .map_err(|source| {
                    taken(&refusal).unwrap_or(Error::Handshake {
                        place: place.clone(),
                        source,
                    })
                })?;
            in_login.store(true, Ordering::Relaxed);
            self.log_in(&mut handle, key, &place).await?;
            Ok(handle)
        };
        let after = self.phases.login;
        timeout(after, login).await.unwrap_or_else(|_| {
            let phase = if in_login.load(Ordering::Relaxed) {
                "SSH login"
            } else if heard.load(Ordering::Relaxed) {
                "SSH key exchange, after its greeting"
            } else {
                "waiting for its SSH greeting"
            };
            Err(Error::Silent {
                place: place.clone(),
                phase,
                after,
            })
        })
    }

    async fn log_in(&self, handle: &mut Handle<Client>, ours: &DeployKey, place: &str) -> Result<(), Error> {
        let lost = |source| Error::Handshake {
            place: place.to_owned(),
            source,
        };
        let key = ours.private_key();
        let user = ours.user().unwrap_or(self.url.user());
        let hash = match key.algorithm() {
            ssh_key::Algorithm::Rsa { .. } => handle
                .best_supported_rsa_hash()
                .await
                .map_err(lost)?
                .unwrap_or(Some(HashAlg::Sha512)),
            _ => None,
        };
        let answer = handle
            .authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash))
            .await
            .map_err(lost)?;
        match answer {
            AuthResult::Success => Ok(()),
            AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() && handle.is_closed() => {
                Err(Error::Broken {
                    place: place.to_owned(),
                    words: String::new(),
                })
            }
            AuthResult::Failure { .. } => {
                self.ssh.key_refused.notify_one();
                Err(Error::KeyRefused {
                    place: place.to_owned(),
                    user: user.to_owned(),
                    fingerprint: ours.fingerprint(),
                })
            }
        }
    }

    /// Tries the host's addresses in turn; one that swallows packets leaves time for the others.
    async fn tcp(&self, place: &str) -> Result<TcpStream, Error> {
        let after = self.phases.connect;
        let end = Instant::now() + after;
        let failed = |source| Error::Connect {
            place: place.to_owned(),
            source,
        };
        let silent = || Error::Silent {
            place: place.to_owned(),
            phase: "TCP connection",
            after,
        };
        let lookup = tokio::net::lookup_host((self.url.host(), self.url.port()));
        let addresses: Vec<SocketAddr> = match timeout_at(end, lookup).await {
            Err(_) => {
                return Err(Error::Silent {
                    place: place.to_owned(),
                    phase: "name lookup",
                    after,
                });
            }
            Ok(found) => found.map_err(failed)?.collect(),
        };
        let mut last = silent();
        for (index, address) in addresses.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
            last = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(source)) => failed(source),
                Err(_) => silent(),
            };
        }
        Err(last)
    }
}

/// Our side of the handshake: judges the host's key and nothing else.
pub(super) struct Client {
    url: RepoUrl,
    known: KnownHosts,
    refusal: Arc<Mutex<Option<Error>>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let (host, port, place) = (self.url.host(), self.url.port(), self.url.place());
        let (key, verdict) = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                let key = key.key_data();
                (key, self.known.verdict(host, port, key))
            }
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let now = now.map_or(0, |since| since.as_secs());
                let verdict = self.known.certified(host, port, certificate, now);
                (certificate.public_key(), verdict)
            }
        };
        let offered = known_hosts::shown(key);
        let refusal = match verdict {
            Verdict::Trusted => return Ok(true),
            Verdict::Unknown => {
                let public = PublicKey::new(key.clone(), "").to_openssh().unwrap_or_default();
                let line = format!("{} {}", known_hosts::lookup_name(host, port), public.trim());
                Error::HostKeyUnknown { place, offered, line }
            }
            Verdict::Changed { known } => Error::HostKeyChanged {
                place,
                offered,
                known: known.join(", "),
            },
            Verdict::Uncertified { rule } => Error::HostCertificate { place, offered, rule },
            Verdict::Revoked { line } => Error::HostKeyRevoked { place, offered, line },
        };
        *locked(&self.refusal) = Some(refusal);
        Ok(false)
    }
}

fn taken(cell: &Mutex<Option<Error>>) -> Option<Error> {
    locked(cell).take()
}

fn config(host_keys: Vec<ssh_key::Algorithm>, certificates: Vec<ssh_key::Algorithm>) -> client::Config {
    client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-tidegate_", env!("CARGO_PKG_VERSION")))),
        preferred: russh::Preferred {
            key: Cow::Owned(host_keys),
            host_key_certificates: Cow::Owned(certificates),
            ..russh::Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 2,
        nodelay: true,
        ..client::Config::default()
    }
}
