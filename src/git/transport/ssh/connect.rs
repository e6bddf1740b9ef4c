//! A new SSH connection: name lookup, TCP, handshake and login. Each of these waits has a deadline.

use super::host_check::HostCheck;
use super::login_keys::LoginKeys;
use super::socket::Socket;
use crate::git::keys::deploy_key::DeployKey;
use crate::git::lock::locked;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::trust::HostKeys;
use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use ssh_key::Algorithm;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Below the idle limits that firewalls and load balancers have (60 s and more).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Connects and logs in with one key.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    host_keys: &HostKeys,
    keys: &LoginKeys,
    key: &DeployKey,
) -> Result<Handle<HostCheck>, Error> {
    let (server, host, port) = (endpoint.url.server(), endpoint.url.host(), endpoint.url.port());
    let known = host_keys.read().map_err(Error::KnownHosts)?.or_builtin(host, port);
    let has_heard = Arc::new(AtomicBool::new(false));
    let stream = Socket::new(tcp(endpoint).await?, Arc::clone(&has_heard)).map_err(|source| Error::Connect {
        server: server.clone(),
        source,
    })?;
    endpoint.counts.connections.fetch_add(1, Ordering::Relaxed);
    let (is_logging_in, rejection) = (AtomicBool::new(false), Arc::new(Mutex::new(None)));
    let certificates = known.has_authority(host, port).then(safe_algorithms);
    let config = Arc::new(config(
        known.algorithms(host, port, safe_algorithms()),
        certificates.into_iter().flatten().collect(),
    ));
    let check = HostCheck::new(endpoint.url.clone(), known, Arc::clone(&rejection));
    let login = async {
        let mut handle = client::connect_stream(config, stream, check).await.map_err(|source| {
            let rejection = locked(&rejection).take();
            rejection.unwrap_or_else(|| Error::Handshake {
                server: server.clone(),
                source,
            })
        })?;
        is_logging_in.store(true, Ordering::Relaxed);
        log_in(endpoint, &mut handle, keys, key).await?;
        Ok(handle)
    };
    let after = endpoint.deadlines.login;
    timeout(after, login).await.unwrap_or_else(|_| {
        let phase = if is_logging_in.load(Ordering::Relaxed) {
            "SSH login"
        } else if has_heard.load(Ordering::Relaxed) {
            "SSH key exchange, after its greeting"
        } else {
            "waiting for its SSH greeting"
        };
        Err(Error::Silent {
            server: server.clone(),
            phase,
            after,
        })
    })
}

async fn log_in(
    endpoint: &Endpoint,
    handle: &mut Handle<HostCheck>,
    keys: &LoginKeys,
    ours: &DeployKey,
) -> Result<(), Error> {
    let lost = |source| Error::Handshake {
        server: endpoint.url.server(),
        source,
    };
    let key = ours.private_key();
    let user = ours.user().unwrap_or(endpoint.url.user());
    let hash = match key.algorithm() {
        Algorithm::Rsa { .. } => handle
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
                server: endpoint.url.server(),
                message: String::new(),
            })
        }
        AuthResult::Failure { .. } => {
            keys.rejected.notify_one();
            Err(Error::KeyRejected {
                server: endpoint.url.server(),
                user: user.to_owned(),
                fingerprint: ours.fingerprint(),
            })
        }
    }
}

/// Tries the host's addresses in turn. An address that swallows packets leaves time for the others.
async fn tcp(endpoint: &Endpoint) -> Result<TcpStream, Error> {
    let after = endpoint.deadlines.connect;
    let end = Instant::now() + after;
    let failed = |source| Error::Connect {
        server: endpoint.url.server(),
        source,
    };
    let silent = |phase| Error::Silent {
        server: endpoint.url.server(),
        phase,
        after,
    };
    let lookup = tokio::net::lookup_host((endpoint.url.host(), endpoint.url.port()));
    let found = timeout_at(end, lookup).await.map_err(|_| silent("name lookup"))?;
    let addresses: Vec<SocketAddr> = found.map_err(failed)?.collect();
    let mut last = silent("TCP connection");
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => failed(source),
            Err(_) => silent("TCP connection"),
        };
    }
    Err(last)
}

/// russh's host key algorithms without `ssh-rsa`, whose signatures use SHA-1.
pub(crate) fn safe_algorithms() -> impl Iterator<Item = Algorithm> {
    let all = russh::Preferred::DEFAULT.key.iter();
    all.filter(|algorithm| **algorithm != Algorithm::Rsa { hash: None })
        .cloned()
}

fn config(host_keys: Vec<Algorithm>, certificates: Vec<Algorithm>) -> client::Config {
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
