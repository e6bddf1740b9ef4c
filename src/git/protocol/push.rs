//! The push half of git's protocol, spoken directly: one command line, one pack, one report.
//!
//! libgit2 could push, but it waits for the advertisement before it sends, walks the history to find out which objects are
//! new, and waits for what the server does after its report. Here the command goes to a `git-receive-pack` on standby, or at
//! least at once if the server's capabilities are known from an earlier push. The objects are those that were just made. The
//! report ends the push, while hooks and housekeeping that follow run on. The command names the old value of the branch, so
//! the server itself refuses it if the branch has moved; the advertised value is compared as well.

use super::pkt_line::{FLUSH, encode};
use super::push_reply::{NO_COMMIT, PushReply, Stage, Verdict};
use super::push_standby::{prepare_next, take_standby};
use super::update::{Update, take};
use crate::git::lock::locked;
use crate::git::transport::connection::{Connection, Transport};
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::transport::http::answer::Answer;
use crate::git::transport::http::client::Http;
use crate::git::transport::refusal::refused;
use crate::git::transport::service::Service;
use crate::git::transport::ssh::client::Ssh;
use crate::git::transport::ssh::remote_command::{RemoteCommand, phase};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// How long the server may go on with hooks and housekeeping after its report.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// A push without a verdict.
pub(crate) struct Unanswered {
    pub cause: Error,
    /// Whether the update had gone out, so that only the branch shows the outcome.
    pub was_sent: bool,
}

/// Sends the update and reads the server's verdict.
///
/// An open connection that is dead before any byte of answer is replaced, once. If the server had received the bytes after
/// all, it refuses the repetition, and the branch shows the outcome.
pub(crate) async fn push(connection: &Arc<Connection>, update: &Update, until: Instant) -> Result<Verdict, Unanswered> {
    let mut was_sent = false;
    let verdict = match &connection.transport {
        Transport::Http(http) => over_http(connection, http, update, until, &mut was_sent).await,
        Transport::Ssh(ssh) => match over_ssh(connection, ssh, update, until, &mut was_sent).await {
            Err(Failed { try_again: true, .. }) => {
                let again = over_ssh(connection, ssh, update, until, &mut was_sent).await;
                again.map_err(|failed| failed.cause)
            }
            other => other.map_err(|failed| failed.cause),
        },
    };
    verdict.map_err(|cause| Unanswered { cause, was_sent })
}

/// An attempt over SSH without a verdict.
struct Failed {
    cause: Error,
    /// Whether the fault was that of an open connection, which is closed now.
    try_again: bool,
}

async fn over_ssh(
    connection: &Arc<Connection>,
    ssh: &Ssh,
    update: &Update,
    until: Instant,
    was_sent: &mut bool,
) -> Result<Verdict, Failed> {
    let standby = take_standby(connection, ssh, update, until).await;
    let was_on_standby = standby.is_some();
    let (mut command, reply) = match standby {
        Some(standby) => standby,
        None => {
            let endpoint = &connection.endpoint;
            let command = Service::ReceivePack.command(&endpoint.url);
            let started = ssh.start(&command, &endpoint.pushing).await;
            let reply = PushReply::new(&update.branch, &update.old);
            let failed = |cause| Failed {
                cause,
                try_again: false,
            };
            (started.map_err(failed)?, reply)
        }
    };
    match converse(connection, &mut command, update, reply, until, was_sent).await {
        Ok(verdict) => {
            tokio::spawn(command.drain(AFTERWARDS));
            if verdict == Verdict::Accepted {
                locked(&ssh.demand).push_landed();
                prepare_next(connection, &update.branch, &update.new).await;
            }
            Ok(verdict)
        }
        // Servers tie a key's rights to the connection: only a new connection shows rights given since. A command on standby
        // may have ended for reasons of its own while the update was on its way.
        Err(cause @ Error::Refused { .. }) if !command.is_dead_from_the_start() => {
            locked(&ssh.demand).forbid();
            connection.close().await;
            Err(Failed {
                cause,
                try_again: was_on_standby,
            })
        }
        Err(cause) => {
            let try_again = command.is_dead_from_the_start();
            if try_again || cause.is_cut() {
                connection.close().await;
            } else {
                tokio::spawn(command.drain(AFTERWARDS));
            }
            Err(Failed { cause, try_again })
        }
    }
}

/// Sends the update as soon as the server's capabilities are known, and reads until the verdict.
async fn converse(
    connection: &Connection,
    command: &mut RemoteCommand,
    update: &Update,
    mut reply: PushReply,
    until: Instant,
    was_ever_sent: &mut bool,
) -> Result<Verdict, Error> {
    let endpoint = &connection.endpoint;
    let known = match reply.stage {
        Stage::Advertisement => locked(&connection.push_capabilities).take(),
        _ => Some(reply.capabilities().to_vec()),
    };
    let mut was_sent = false;
    if let Some(capabilities) = known {
        (was_sent, *was_ever_sent) = (true, true);
        send(endpoint, command, update, &capabilities, until).await?;
    }
    loop {
        if reply.stage == Stage::Report {
            command.phase = phase::REPORT;
        }
        let Some(bytes) = command.read(until).await? else {
            return Err(refused(&endpoint.url, &command.message(), true));
        };
        take(endpoint, &mut reply, &bytes)?;
        if reply.stage == Stage::Advertisement {
            continue;
        }
        if !reply.shows_old() {
            if !was_sent {
                command.write(FLUSH, until).await?;
            }
            *locked(&connection.push_capabilities) = Some(reply.capabilities().to_vec());
            return Ok(Verdict::Moved);
        }
        if !was_sent {
            (was_sent, *was_ever_sent) = (true, true);
            send(endpoint, command, update, reply.capabilities(), until).await?;
        }
        if reply.stage == Stage::Done {
            *locked(&connection.push_capabilities) = Some(reply.capabilities().to_vec());
            return Ok(reply.verdict());
        }
    }
}

async fn send(
    endpoint: &Endpoint,
    command: &mut RemoteCommand,
    update: &Update,
    capabilities: &[u8],
    until: Instant,
) -> Result<(), Error> {
    let bytes = request(update, capabilities);
    endpoint.counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    command.write(&bytes, until).await
}

/// The command line and the pack.
fn request(update: &Update, capabilities: &[u8]) -> Vec<u8> {
    let mut line = format!("{} {} {}\0", update.old, update.new, update.branch).into_bytes();
    for used in [&b"report-status"[..], b"side-band-64k"] {
        if capabilities.split(|byte| *byte == b' ').any(|offered| offered == used) {
            line.push(b' ');
            line.extend_from_slice(used);
        }
    }
    line.extend_from_slice(concat!(" agent=tidegate/", env!("CARGO_PKG_VERSION")).as_bytes());
    let mut bytes = encode(&line);
    bytes.extend_from_slice(FLUSH);
    if update.new != NO_COMMIT {
        bytes.extend_from_slice(&update.pack);
    }
    bytes
}

/// Pushes over HTTP by two requests. The first request is left out if the server's capabilities are known.
async fn over_http(
    connection: &Connection,
    http: &Http,
    update: &Update,
    until: Instant,
    was_sent: &mut bool,
) -> Result<Verdict, Error> {
    let endpoint = &connection.endpoint;
    let known = locked(&connection.push_capabilities).take();
    let capabilities = match known {
        Some(capabilities) => capabilities,
        None => {
            let mut answer = http.references(Service::ReceivePack, &endpoint.pushing).await?;
            let mut reply = PushReply::new(&update.branch, &update.old);
            while reply.stage == Stage::Advertisement {
                read(endpoint, &mut answer, &mut reply, until).await?;
            }
            let capabilities = reply.capabilities().to_vec();
            if !reply.shows_old() {
                *locked(&connection.push_capabilities) = Some(capabilities);
                return Ok(Verdict::Moved);
            }
            capabilities
        }
    };
    let bytes = request(update, &capabilities);
    endpoint.counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let answer = http.call(Service::ReceivePack, bytes, &endpoint.pushing).await;
    *was_sent = match &answer {
        Ok(_) | Err(Error::Status { .. } | Error::Stopped { .. }) => true,
        Err(error) => error.is_cut(),
    };
    let mut answer = answer?;
    let mut reply = PushReply::of_report(&update.branch, &update.old);
    while reply.stage != Stage::Done {
        read(endpoint, &mut answer, &mut reply, until).await?;
    }
    *locked(&connection.push_capabilities) = Some(capabilities);
    tokio::spawn(answer.drain(AFTERWARDS));
    Ok(reply.verdict())
}

/// Reads on. Wherever this is called, the end of the body is too early.
async fn read(endpoint: &Endpoint, answer: &mut Answer, reply: &mut PushReply, until: Instant) -> Result<(), Error> {
    let bytes = answer.read(until).await?;
    take(
        endpoint,
        reply,
        &bytes.ok_or_else(|| endpoint.not_git("it ends too early"))?,
    )
}
