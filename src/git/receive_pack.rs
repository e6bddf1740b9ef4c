//! The push half of git's protocol, spoken directly: one command line, one pack, one report.
//!
//! libgit2 could push, but it waits for the advertisement before it sends, walks the history to find out which objects
//! are new, and waits for what the server does after its report. Here the command goes out at once when the server's
//! abilities are known from an earlier push; the objects are those that were just made; and the report ends the push, while
//! hooks and housekeeping that follow run on. The command names the old value of the branch, so the server itself
//! refuses it if the branch is elsewhere; what it advertises is compared as well.

use super::error::Error;
use super::exec::Exec;
use super::http::{Answer as HttpAnswer, Service};
use super::transport::refused;
use super::url::Scheme;
use super::wire::{Wire, locked};
use super::words;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// What a branch that is not there has for a commit.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000";

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

/// The server's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The branch is where we wanted it.
    Done,
    /// It advertised another value of the branch than the old one, or none.
    Moved,
    /// It said no.
    Declined { status: String, said: String },
}

/// How long the server may go on with hooks and housekeeping after its report.
const AFTERWARDS: Duration = Duration::from_secs(120);
/// A report on one branch is two lines.
const LONGEST_REPORT: usize = 64 << 10;
const FLUSH: &[u8] = b"0000";
/// A packet's four length digits count themselves.
const LENGTH: usize = 4;

/// A push without an answer.
pub(super) struct Unanswered {
    pub cause: Error,
    /// The update had gone out, so that the branch alone can tell what became of it.
    pub sent: bool,
}

/// Sends the update and reads what became of it. A kept-open connection that turns out to be dead before any byte of
/// reply is replaced, once: should the server have had the bytes after all, it refuses their repetition, and its branch
/// tells the rest.
pub(super) async fn push(wire: &Wire, update: &Update, until: Instant) -> Result<Answer, Unanswered> {
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
async fn attempt(wire: &Wire, update: &Update, until: Instant, sent: &mut bool) -> Result<Answer, (Error, bool)> {
    let command = format!("git-receive-pack {}", wire.url.quoted_path());
    let mut exec = wire
        .exec(&command, &wire.pushing)
        .await
        .map_err(|cause| (cause, false))?;
    let known = locked(&wire.receives).take();
    match converse(wire, &mut exec, update, known, until, sent).await {
        Err(cause) if cause.is_cut() => {
            wire.hang_up().await;
            Err((cause, exec.is_dead_from_the_start()))
        }
        Err(cause) if exec.is_dead_from_the_start() => {
            wire.hang_up().await;
            Err((cause, true))
        }
        // Servers tie a key's rights to the connection: rights given since are seen only on a new one.
        Err(cause @ Error::Remote { .. }) => {
            wire.hang_up().await;
            Err((cause, false))
        }
        other => {
            tokio::spawn(exec.drain(AFTERWARDS));
            other.map_err(|cause| (cause, false))
        }
    }
}

async fn converse(
    wire: &Wire,
    exec: &mut Exec,
    update: &Update,
    known: Option<Vec<u8>>,
    until: Instant,
    ever_sent: &mut bool,
) -> Result<Answer, Error> {
    let unusable = || Error::Protocol {
        place: wire.url.place(),
        rule: "it is not git's protocol",
    };
    let mut reading = Reading::new(update);
    let mut sent = false;
    if let Some(capabilities) = known {
        (sent, *ever_sent) = (true, true);
        send(wire, exec, update, &capabilities, until).await?;
    }
    loop {
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
            let mut reading = Reading::new(update);
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
    let mut reading = Reading::new(update);
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

/// What the server has said so far.
struct Reading {
    /// The line that the branch must be advertised with.
    wanted: String,
    branch: String,
    stage: Stage,
    unread: Vec<u8>,
    capabilities: Vec<u8>,
    matched: bool,
    /// HTTP's advertisement names the service first, with a flush of its own.
    introduced: bool,
    /// An `ERR` packet's text.
    error: Option<String>,
    /// The report's packets, taken out of the first band if there are bands.
    report: Vec<u8>,
    /// What hooks print.
    said: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Advertisement,
    Report,
    Done,
}

impl Reading {
    fn new(update: &Update) -> Self {
        Self {
            wanted: format!("{} {}", update.old, update.branch),
            branch: update.branch.clone(),
            stage: Stage::Advertisement,
            unread: Vec::new(),
            capabilities: Vec::new(),
            matched: update.old == NOTHING,
            introduced: false,
            error: None,
            report: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Takes what has arrived; `None` if it cannot be git's protocol.
    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.unread.extend_from_slice(bytes);
        let mut at = 0;
        while self.stage != Stage::Done
            && let Some(length) = next_length(self.unread.get(at..)?)?
        {
            let packet = self.unread.get(at..at + length)?.to_vec();
            at += length;
            match (self.stage, packet.get(LENGTH..)?) {
                (Stage::Advertisement, _) if packet == FLUSH && self.introduced => self.introduced = false,
                (Stage::Advertisement, _) if packet == FLUSH => self.stage = Stage::Report,
                (Stage::Advertisement, body) => self.note(body),
                (_, [1, data @ ..]) => self.report.extend_from_slice(data),
                (_, [2 | 3, data @ ..]) => {
                    let room = (words::MOST * 2).saturating_sub(self.said.len());
                    self.said.extend(data.iter().take(room));
                }
                (_, _) => self.report.extend_from_slice(&packet),
            }
            if self.report.len() > LONGEST_REPORT {
                return None;
            }
            if packets(&self.report).any(|body| body.is_none()) {
                self.stage = Stage::Done;
            }
        }
        self.unread.drain(..at);
        Some(())
    }

    fn note(&mut self, body: &[u8]) {
        if let Some(said) = body.strip_prefix(b"ERR ") {
            self.error = Some(words::scrub(said));
        }
        self.introduced |= body.starts_with(b"# service=");
        let line = body.strip_suffix(b"\n").unwrap_or(body);
        let mut halves = line.splitn(2, |byte| *byte == 0);
        let name = halves.next().unwrap_or_default();
        if self.wanted.starts_with(NOTHING) {
            self.matched &= name.get(NOTHING.len()..) != self.wanted.as_bytes().get(NOTHING.len()..);
        } else {
            self.matched |= name == self.wanted.as_bytes();
        }
        if let Some(capabilities) = halves.next() {
            self.capabilities = capabilities.to_vec();
        }
    }

    fn answer(&self) -> Answer {
        let said = words::scrub(&self.said);
        let lines = packets(&self.report)
            .flatten()
            .map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
        let mut status = None;
        for line in lines {
            if line == format!("ok {}", self.branch) {
                return Answer::Done;
            }
            if let Some(refusal) = line.strip_prefix(&format!("ng {} ", self.branch)) {
                status = Some(refusal.to_owned());
            } else if let Some(trouble) = line.strip_prefix("unpack ").filter(|state| *state != "ok") {
                status.get_or_insert_with(|| format!("the server could not unpack it: {trouble}"));
            }
        }
        let status = status.unwrap_or_else(|| "the server's report does not name the branch".to_owned());
        Answer::Declined { status, said }
    }
}

/// The bodies of whole packets; `None` for a flush.
fn packets(bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = next_length(rest)??;
        let (packet, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(if packet == FLUSH { None } else { packet.get(LENGTH..) })
    })
}

/// The whole length of the packet that begins here: `None` if it is no packet, `Some(None)` if it is not all there yet.
fn next_length(bytes: &[u8]) -> Option<Option<usize>> {
    let Some(digits) = bytes.get(..LENGTH) else {
        return Some(None);
    };
    let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    match length {
        0 => Some(Some(LENGTH)),
        short if short < LENGTH => None,
        long => Some((bytes.len() >= long).then_some(long)),
    }
}

fn packet(line: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:04x}", line.len() + LENGTH).into_bytes();
    bytes.extend_from_slice(line);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIP: &str = "1111111111111111111111111111111111111111";
    const OTHER: &str = "2222222222222222222222222222222222222222";

    fn reading() -> Reading {
        let (branch, old, new) = ("refs/heads/main".to_owned(), TIP.to_owned(), OTHER.to_owned());
        Reading::new(&Update {
            branch,
            old,
            new,
            pack: Vec::new(),
        })
    }

    fn advertisement(tip: &str) -> Vec<u8> {
        let mut bytes = packet(format!("{OTHER} refs/heads/a\0report-status side-band-64k\n").as_bytes());
        bytes.extend(packet(format!("{tip} refs/heads/main\n").as_bytes()));
        bytes.extend_from_slice(FLUSH);
        bytes
    }

    fn banded(band: u8, data: &[u8]) -> Vec<u8> {
        packet(&[&[band], data].concat())
    }

    fn report(lines: &[&str]) -> Vec<u8> {
        let mut report: Vec<u8> = lines.iter().flat_map(|line| packet(line.as_bytes())).collect();
        report.extend_from_slice(FLUSH);
        report
    }

    fn conversation(report: &[u8]) -> Vec<u8> {
        let (first, second) = report.split_at(report.len() / 2);
        [
            advertisement(TIP),
            banded(2, b"checking\n"),
            banded(1, first),
            banded(1, second),
        ]
        .concat()
    }

    #[test]
    fn the_end_of_the_report_ends_the_push_whatever_the_cuts() {
        let bytes = conversation(&report(&["unpack ok\n", "ok refs/heads/main\n"]));
        for size in [1, 2, 3, 7, 1000] {
            let mut reading = reading();
            for chunk in bytes.chunks(size) {
                assert_ne!(reading.stage, Stage::Done);
                reading.take(chunk).unwrap();
            }
            assert_eq!(
                (reading.stage, reading.matched, reading.answer()),
                (Stage::Done, true, Answer::Done)
            );
            assert_eq!(reading.capabilities, b"report-status side-band-64k");
        }
    }

    #[test]
    fn a_refusal_has_its_status_and_the_hooks_words() {
        let mut reading = reading();
        reading
            .take(&conversation(&report(&[
                "unpack ok\n",
                "ng refs/heads/main hook declined\n",
            ])))
            .unwrap();
        let (status, said) = ("hook declined".to_owned(), "checking".to_owned());
        assert_eq!(reading.answer(), Answer::Declined { status, said });
    }

    #[test]
    fn a_server_without_bands_is_understood() {
        let mut reading = reading();
        reading.take(&advertisement(TIP)).unwrap();
        reading.take(&report(&["unpack ok\n", "ok refs/heads/main\n"])).unwrap();
        assert_eq!((reading.stage, reading.answer()), (Stage::Done, Answer::Done));
    }

    #[test]
    fn a_report_about_another_branch_or_a_failed_unpacking_is_no_success() {
        for lines in [
            &["unpack ok\n", "ok refs/heads/mai\n"][..],
            &["unpack disk full\n"],
            &[],
        ] {
            let mut reading = reading();
            reading.take(&conversation(&report(lines))).unwrap();
            assert!(matches!(reading.answer(), Answer::Declined { .. }), "{lines:?}");
        }
    }

    #[test]
    fn a_branch_that_is_elsewhere_or_gone_is_seen() {
        for bytes in [advertisement(OTHER), FLUSH.to_vec()] {
            let mut reading = reading();
            reading.take(&bytes).unwrap();
            assert_eq!((reading.stage, reading.matched), (Stage::Report, false));
        }
    }

    #[test]
    fn refusals_and_garbage_are_told_apart() {
        let mut refusing = reading();
        refusing.take(&packet(b"ERR no such thing\n")).unwrap();
        assert_eq!(refusing.error.as_deref(), Some("no such thing"));
        assert!(reading().take(b"Welcome to acme").is_none());
        assert!(reading().take(b"0003").is_none());
        assert!(reading().take(b"00").is_some());
    }
}
