//! One SSH connection to one host, kept open between commands. Every wait here has a deadline.

use super::error::Error;
use super::identity::DeployKey;
use super::known_hosts::{self, KnownHosts, Verdict};
use super::settings::HostKeys;
use super::socket::Socket;
use super::url::RepoUrl;
use super::words;
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect};
use ssh_key::PublicKey;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// TCP and the login take one to three round trips each; whoever needs longer is not there.
const LONGEST_SETUP: Duration = Duration::from_secs(10);
/// A kept-open connection answers in a round trip, or it is dead and a new one is faster than waiting.
const KEPT_OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// Below the idle limits of the firewalls and load balancers that are met (60 s and more).
const KEEPALIVE: Duration = Duration::from_secs(15);
/// After the end of its output a command's exit status follows at once.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Deadlines of the phases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    pub connect: Duration,
    pub login: Duration,
    pub idle: Duration,
}

impl Phases {
    pub(super) fn new(timeout: Duration) -> Self {
        let setup = timeout.min(LONGEST_SETUP);
        Self {
            connect: setup,
            login: setup,
            idle: timeout,
        }
    }
}

/// How much was done on the wire since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub connections: AtomicU64,
    pub channels: AtomicU64,
    pub sent: AtomicU64,
    pub received: AtomicU64,
}

pub(super) struct Wire {
    pub url: RepoUrl,
    pub phases: Phases,
    pub counts: Counts,
    key: Arc<DeployKey>,
    host_keys: HostKeys,
    session: tokio::sync::Mutex<Option<Session>>,
    /// What the server can do when it receives a push, as it said at the last one.
    pub receives: Mutex<Option<Vec<u8>>>,
}

/// A logged-in connection, with a channel opened in advance: that saves the next command a round trip.
struct Session {
    handle: Arc<Handle<Client>>,
    spare: Arc<Mutex<Option<Channel<Msg>>>>,
}

/// A command running on the server.
pub(super) struct Exec {
    channel: Channel<Msg>,
    place: String,
    idle: Duration,
    /// The connection was there before this command, and may therefore turn out to be dead.
    pub kept_open: bool,
    /// The server has said something about this command.
    pub answered: bool,
    ended: bool,
    stderr: Vec<u8>,
}

impl Wire {
    pub(super) fn new(url: RepoUrl, key: Arc<DeployKey>, host_keys: HostKeys, timeout: Duration) -> Self {
        Self {
            url,
            phases: Phases::new(timeout),
            counts: Counts::default(),
            key,
            host_keys,
            session: tokio::sync::Mutex::new(None),
            receives: Mutex::new(None),
        }
    }

    /// Starts a command: on the kept-open connection if there is one, else on a new one.
    pub(super) async fn exec(&self, command: &str) -> Result<Exec, Error> {
        let mut slot = self.session.lock().await;
        if let Some(session) = slot.take().filter(|session| !session.handle.is_closed())
            && let Ok(exec) = self.start(&session, command, true).await
        {
            *slot = Some(session);
            return Ok(exec);
        }
        let session = Session {
            handle: Arc::new(self.connect().await?),
            spare: Arc::default(),
        };
        let exec = self.start(&session, command, false).await?;
        *slot = Some(session);
        Ok(exec)
    }

    /// Forgets the kept-open connection: the next command makes a new one.
    pub(super) async fn hang_up(&self) {
        if let Some(session) = self.session.lock().await.take() {
            let bye = session.handle.disconnect(Disconnect::ByApplication, "", "");
            let _ = timeout(LAST_WORDS, bye).await;
        }
    }

    async fn start(&self, session: &Session, command: &str, kept_open: bool) -> Result<Exec, Error> {
        let place = self.url.place();
        let patience = if kept_open {
            KEPT_OPEN_PATIENCE.min(self.phases.login)
        } else {
            self.phases.login
        };
        let spare = locked(&session.spare).take();
        let channel = match spare {
            Some(channel) => channel,
            None => timeout(patience, session.handle.channel_open_session())
                .await
                .map_err(|_| Error::Silent {
                    place: place.clone(),
                    phase: "opening a channel",
                    after: patience,
                })?
                .map_err(|source| Error::Handshake {
                    place: place.clone(),
                    source,
                })?,
        };
        self.counts.channels.fetch_add(1, Ordering::Relaxed);
        channel.exec(true, command).await.map_err(|_| Error::Broken {
            place: place.clone(),
            words: String::new(),
        })?;
        session.open_spare(patience);
        let idle = self.phases.idle;
        Ok(Exec {
            channel,
            place,
            idle,
            kept_open,
            answered: false,
            ended: false,
            stderr: Vec::new(),
        })
    }

    async fn connect(&self) -> Result<Handle<Client>, Error> {
        let place = self.url.place();
        let known = self.host_keys.read().map_err(Error::KnownHosts)?;
        let stream = self.tcp(&place).await?;
        let stream = Socket::new(stream).map_err(|source| Error::Connect {
            place: place.clone(),
            source,
        })?;
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        let refusal = Arc::new(Mutex::new(None));
        let config = config(known.preference(self.url.host(), self.url.port()));
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
            self.log_in(&mut handle, &place).await?;
            Ok(handle)
        };
        let after = self.phases.login;
        timeout(after, login).await.unwrap_or_else(|_| {
            Err(Error::Silent {
                place: place.clone(),
                phase: "SSH handshake and login",
                after,
            })
        })
    }

    async fn log_in(&self, handle: &mut Handle<Client>, place: &str) -> Result<(), Error> {
        let lost = |source| Error::Handshake {
            place: place.to_owned(),
            source,
        };
        let key = self.key.private_key();
        let hash = match key.algorithm() {
            ssh_key::Algorithm::Rsa { .. } => handle
                .best_supported_rsa_hash()
                .await
                .map_err(lost)?
                .unwrap_or(Some(HashAlg::Sha512)),
            _ => None,
        };
        let answer = handle
            .authenticate_publickey(self.url.user(), PrivateKeyWithHashAlg::new(key, hash))
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
            AuthResult::Failure { .. } => Err(Error::KeyRefused {
                place: place.to_owned(),
                user: self.url.user().to_owned(),
                fingerprint: self.key.fingerprint(),
            }),
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

impl Session {
    /// In the background: the command that was just started does not wait for it.
    fn open_spare(&self, patience: Duration) {
        let (handle, spare) = (Arc::clone(&self.handle), Arc::clone(&self.spare));
        tokio::spawn(async move {
            if let Ok(Ok(channel)) = timeout(patience, handle.channel_open_session()).await {
                let surplus = locked(&spare).replace(channel);
                if let Some(surplus) = surplus {
                    let _ = timeout(LAST_WORDS, surplus.close()).await;
                }
            }
        });
    }
}

impl Exec {
    /// The next bytes of the command's output; `None` at its end.
    pub(super) async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        while !self.ended {
            let patience = if self.kept_open && !self.answered {
                KEPT_OPEN_PATIENCE.min(self.idle)
            } else {
                self.idle
            };
            let message = self.wait(patience, until).await?;
            self.answered |= message.as_ref().is_some_and(is_answer);
            match message {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data.into())),
                Some(ChannelMsg::ExtendedData { data, .. }) => self.keep_words(&data),
                Some(ChannelMsg::Failure) => {
                    self.keep_words(b"the server does not run commands");
                    self.ended = true;
                }
                Some(ChannelMsg::Eof) => self.last_words().await,
                Some(ChannelMsg::Close) => self.ended = true,
                Some(_) => {}
                None => {
                    return Err(Error::Broken {
                        place: self.place.clone(),
                        words: self.words(),
                    });
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), Error> {
        let sending = self.channel.data_bytes(bytes.to_vec());
        match timeout_at(until.min(Instant::now() + self.idle), sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Broken {
                place: self.place.clone(),
                words: self.words(),
            }),
            Err(_) => Err(self.late(self.idle, until)),
        }
    }

    /// The connection was open before, and nothing has ever come back for this command.
    pub(super) fn is_dead_from_the_start(&self) -> bool {
        self.kept_open && !self.answered
    }

    /// What the command wrote to its error output, fit to be shown.
    pub(super) fn words(&self) -> String {
        words::scrub(&self.stderr)
    }

    /// Reads the rest of what the server sends, so that what runs there (hooks, housekeeping) is not cut off; then closes.
    pub(super) async fn drain(mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while let Ok(Some(_)) = self.read(until).await {}
        let _ = timeout(LAST_WORDS, self.channel.close()).await;
    }

    async fn last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Some(message)) = self.wait(LAST_WORDS, until).await {
            match message {
                ChannelMsg::ExtendedData { data, .. } => self.keep_words(&data),
                ChannelMsg::Close => break,
                _ => {}
            }
        }
        self.ended = true;
    }

    async fn wait(&mut self, patience: Duration, until: Instant) -> Result<Option<ChannelMsg>, Error> {
        let waited = timeout_at(until.min(Instant::now() + patience), self.channel.wait()).await;
        waited.map_err(|_| self.late(patience, until))
    }

    fn late(&self, patience: Duration, until: Instant) -> Error {
        if until <= Instant::now() {
            Error::Overdue {
                place: self.place.clone(),
            }
        } else {
            Error::Silent {
                place: self.place.clone(),
                phase: "waiting for data",
                after: patience,
            }
        }
    }

    fn keep_words(&mut self, data: &[u8]) {
        let room = (words::MOST * 2).saturating_sub(self.stderr.len());
        self.stderr.extend(data.iter().take(room));
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
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else {
            return Ok(false);
        };
        let offered = known_hosts::shown(key.key_data());
        let refusal = match self.known.verdict(host, port, key.key_data()) {
            Verdict::Trusted => return Ok(true),
            Verdict::Unknown => {
                let public = PublicKey::new(key.key_data().clone(), "")
                    .to_openssh()
                    .unwrap_or_default();
                let line = format!("{} {}", known_hosts::lookup_name(host, port), public.trim());
                Error::HostKeyUnknown { place, offered, line }
            }
            Verdict::Changed { known } => Error::HostKeyChanged {
                place,
                offered,
                known: known.join(", "),
            },
            Verdict::Revoked { line } => Error::HostKeyRevoked { place, offered, line },
        };
        *locked(&self.refusal) = Some(refusal);
        Ok(false)
    }
}

/// Whether the server has taken notice of the command; a channel that it closed long ago has not.
fn is_answer(message: &ChannelMsg) -> bool {
    !matches!(
        message,
        ChannelMsg::Close | ChannelMsg::Eof | ChannelMsg::WindowAdjusted { .. }
    )
}

/// A panic elsewhere does not make what is behind the lock unusable.
pub(super) fn locked<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

fn taken(cell: &Mutex<Option<Error>>) -> Option<Error> {
    locked(cell).take()
}

fn config(host_keys: Vec<ssh_key::Algorithm>) -> client::Config {
    client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-tidegate_", env!("CARGO_PKG_VERSION")))),
        preferred: russh::Preferred {
            key: Cow::Owned(host_keys),
            ..russh::Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 2,
        nodelay: true,
        ..client::Config::default()
    }
}
