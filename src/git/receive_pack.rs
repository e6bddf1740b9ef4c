//! The push half of git's protocol, spoken directly: one command line, one pack, one report.
//!
//! libgit2 could push, but it waits for the advertisement before it sends, walks the history to find out which objects
//! are new, and waits for what the server does after its report. Here the command goes to a `git-receive-pack` that was made
//! ready in advance, or at least at once when the server's abilities are known from an earlier push; the objects are those that were just made; and the report ends the push, while
//! hooks and housekeeping that follow run on. The command names the old value of the branch, so the server itself
//! refuses it if the branch is elsewhere; what it advertises is compared as well.

use super::error::Error;
use super::exec::{Exec, awaiting};
use super::http::{Answer as HttpAnswer, Service};
pub(super) use super::reply::{Answer, NOTHING};
use super::reply::{FLUSH, Reading, Stage, packet};
use super::transport::refused;
use super::url::Scheme;
use super::wire::{Wire, locked};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// One update of one branch, and the objects that it needs.
#[derive(Clone, Debug)]
pub(super) struct Update {
    /// The full name.
    pub branch: String,
    /// Where it must be now, 40 digits; [`NOTHING`] if it is to be made.
    pub old: String,
    /// Where it is to be, 40 digits; [`NOTHING`] if it is to be removed.
    pub new: String,
    /// All new objects; empty when it is removed.
    pub pack: Vec<u8>,
}

/// How long the server may go on with hooks and housekeeping after its report.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// A push without an answer.
pub(super) struct Unanswered {
    pub cause: Error,
    /// The update had gone out, so that the branch alone can tell what became of it.
    pub sent: bool,
}

/// Sends the update and reads what became of it. A kept-open connection that turns out to be dead before any byte of
/// reply is replaced, once: should the server have had the bytes after all, it refuses their repetition, and its branch
/// tells the rest.
pub(super) async fn push(wire: &Arc<Wire>, update: &Update, until: Instant) -> Result<Answer, Unanswered> {
    let mut sent = false;
    if wire.url.scheme() != Scheme::Ssh {
        let answer = over_http(wire, update, until, &mut sent).await;
        return answer.map_err(|cause| Unanswered { cause, sent });
    }
    let answer = match attempt(wire, update, until, &mut sent).await {
        Err((_, true)) => attempt(wire, update, until, &mut sent).await,
        other => other,
    };
    answer.map_err(|(cause, _)| Unanswered { cause, sent })
}

/// An error comes with whether it was that of a dead connection, which is gone now.
async fn attempt(wire: &Arc<Wire>, update: &Update, until: Instant, sent: &mut bool) -> Result<Answer, (Error, bool)> {
    let ready = wire.take_ready(update, until).await;
    let was_ready = ready.is_some();
    let (mut exec, reading) = match ready {
        Some(ready) => ready,
        None => {
            let exec = wire.exec(&wire.receive_command(), &wire.pushing).await;
            let reading = Reading::new(&update.branch, &update.old);
            (exec.map_err(|cause| (cause, false))?, reading)
        }
    };
    match converse(wire, &mut exec, update, reading, until, sent).await {
        Err(cause) if cause.is_cut() => {
            wire.hang_up().await;
            Err((cause, exec.is_dead_from_the_start()))
        }
        Err(cause) if exec.is_dead_from_the_start() => {
            wire.hang_up().await;
            Err((cause, true))
        }
        // Servers tie a key's rights to the connection: rights given since are seen only on a new one.
        // One that was ready may have ended for reasons of its own while the update was on its way.
        Err(cause @ Error::Remote { .. }) => {
            locked(&wire.demand).forbid();
            wire.hang_up().await;
            Err((cause, was_ready))
        }
        other => {
            tokio::spawn(exec.drain(AFTERWARDS));
            if matches!(other, Ok(Answer::Done)) {
                locked(&wire.demand).landed();
                wire.get_ready(&update.branch, &update.new).await;
            }
            other.map_err(|cause| (cause, false))
        }
    }
}

async fn converse(
    wire: &Wire,
    exec: &mut Exec,
    update: &Update,
    mut reading: Reading,
    until: Instant,
    ever_sent: &mut bool,
) -> Result<Answer, Error> {
    let unusable = || Error::Protocol {
        place: wire.url.place(),
        rule: "it is not git's protocol",
    };
    let known = match reading.stage {
        Stage::Advertisement => locked(&wire.receives).take(),
        _ => Some(reading.capabilities.clone()),
    };
    let mut sent = false;
    if let Some(capabilities) = known {
        (sent, *ever_sent) = (true, true);
        send(wire, exec, update, &capabilities, until).await?;
    }
    loop {
        if reading.stage == Stage::Report {
            exec.awaits = awaiting::REPORT;
        }
        let Some(bytes) = exec.read(until).await? else {
            return Err(refused(wire, &exec.words(), true));
        };
        wire.counts.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        reading.take(&bytes).ok_or_else(unusable)?;
        if let Some(said) = reading.error.take() {
            return Err(refused(wire, &said, true));
        }
        if reading.stage == Stage::Advertisement {
            continue;
        }
        if !reading.matched {
            if !sent {
                exec.write(FLUSH, until).await?;
            }
            *locked(&wire.receives) = Some(reading.capabilities);
            return Ok(Answer::Moved);
        }
        if !sent {
            (sent, *ever_sent) = (true, true);
            send(wire, exec, update, &reading.capabilities, until).await?;
        }
        if reading.stage == Stage::Done {
            let answer = reading.answer();
            *locked(&wire.receives) = Some(reading.capabilities);
            return Ok(answer);
        }
    }
}

async fn send(wire: &Wire, exec: &mut Exec, update: &Update, able: &[u8], until: Instant) -> Result<(), Error> {
    let bytes = request(update, able);
    wire.counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    exec.write(&bytes, until).await
}

/// The command line and the pack.
fn request(update: &Update, able: &[u8]) -> Vec<u8> {
    let mut line = format!("{} {} {}\0", update.old, update.new, update.branch).into_bytes();
    for wanted in [&b"report-status"[..], b"side-band-64k"] {
        if able.split(|byte| *byte == b' ').any(|able| able == wanted) {
            line.push(b' ');
            line.extend_from_slice(wanted);
        }
    }
    line.extend_from_slice(concat!(" agent=tidegate/", env!("CARGO_PKG_VERSION")).as_bytes());
    let mut bytes = packet(&line);
    bytes.extend_from_slice(FLUSH);
    if update.new != NOTHING {
        bytes.extend_from_slice(&update.pack);
    }
    bytes
}

/// The same conversation as two requests, of which the first is left out when the server's abilities are known.
async fn over_http(wire: &Wire, update: &Update, until: Instant, sent: &mut bool) -> Result<Answer, Error> {
    let known = locked(&wire.receives).take();
    let able = match known {
        Some(able) => able,
        None => {
            let mut answer = wire.references(Service::ReceivePack, &wire.pushing).await?;
            let mut reading = Reading::new(&update.branch, &update.old);
            while reading.stage == Stage::Advertisement {
                take(wire, &mut answer, &mut reading, until).await?;
            }
            if !reading.matched {
                *locked(&wire.receives) = Some(reading.capabilities);
                return Ok(Answer::Moved);
            }
            reading.capabilities
        }
    };
    let bytes = request(update, &able);
    wire.counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let asked = wire.call(Service::ReceivePack, bytes, &wire.pushing).await;
    *sent = match &asked {
        Ok(_) | Err(Error::Status { .. } | Error::Stopped { .. }) => true,
        Err(error) => error.is_cut(),
    };
    let mut answer = asked?;
    let mut reading = Reading::new(&update.branch, &update.old);
    reading.stage = Stage::Report;
    while reading.stage != Stage::Done {
        take(wire, &mut answer, &mut reading, until).await?;
    }
    *locked(&wire.receives) = Some(able);
    tokio::spawn(answer.drain(AFTERWARDS));
    Ok(reading.answer())
}

/// Reads on; the end of the body is too early wherever this is called.
async fn take(wire: &Wire, answer: &mut HttpAnswer, reading: &mut Reading, until: Instant) -> Result<(), Error> {
    let unusable = |rule| Error::Protocol {
        place: wire.url.place(),
        rule,
    };
    let bytes = answer.read(until).await?.ok_or_else(|| unusable("it ends too early"))?;
    wire.counts.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    reading
        .take(&bytes)
        .ok_or_else(|| unusable("it is not git's protocol"))?;
    match reading.error.take() {
        Some(said) => Err(refused(wire, &said, true)),
        None => Ok(()),
    }
}
