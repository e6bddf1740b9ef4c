//! What `git-receive-pack` says: the branches that there are, and then what became of the update.

use super::words;

/// What a branch that is not there has for a commit.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000";

/// The end of a list of packets.
pub(super) const FLUSH: &[u8] = b"0000";
/// A report on one branch is two lines.
const LONGEST_REPORT: usize = 64 << 10;
/// A packet's four length digits count themselves.
const LENGTH: usize = 4;

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

/// What the server has said so far.
pub(super) struct Reading {
    /// The line that the branch must be advertised with.
    wanted: String,
    branch: String,
    pub(super) stage: Stage,
    unread: Vec<u8>,
    pub(super) capabilities: Vec<u8>,
    pub(super) matched: bool,
    /// HTTP's advertisement names the service first, with a flush of its own.
    introduced: bool,
    /// An `ERR` packet's text.
    pub(super) error: Option<String>,
    /// The report's packets, taken out of the first band if there are bands.
    report: Vec<u8>,
    /// What hooks print.
    said: Vec<u8>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Advertisement,
    Report,
    Done,
}

impl Reading {
    /// For an update of the branch, which must be there with the commit `old`; [`NOTHING`]: not be there.
    pub(super) fn new(branch: &str, old: &str) -> Self {
        Self {
            wanted: format!("{old} {branch}"),
            branch: branch.to_owned(),
            stage: Stage::Advertisement,
            unread: Vec::new(),
            capabilities: Vec::new(),
            matched: old == NOTHING,
            introduced: false,
            error: None,
            report: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Takes what has arrived; `None` if it cannot be git's protocol.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<()> {
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

    pub(super) fn answer(&self) -> Answer {
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

/// One packet.
pub(super) fn packet(line: &[u8]) -> Vec<u8> {
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
        Reading::new("refs/heads/main", TIP)
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
