//! The server's side of a push, read as it passes: what it advertises, and the end of its report.
//!
//! Two things are gained from looking. The command can be sent without waiting for the advertisement, so that a push on an
//! open connection costs one round trip: libgit2 is given the advertisement we expect (the parent as the branch's tip),
//! and the real one is compared with it when it arrives; the server itself refuses the update if the branch is elsewhere.
//! And the push is over with the server's report: hooks and housekeeping that it runs afterwards are not waited for.

use super::words;

/// What libgit2 is to be told before the server has said anything.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub branch: String,
    pub tip: String,
}

/// What the server's bytes mean for the push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// For libgit2.
    Pass(Vec<u8>),
    /// The branch is not where it was expected; libgit2 need not know more.
    Moved,
    /// The server refuses in these words.
    Refused(String),
    /// These bytes are no git protocol.
    Garbled,
}

pub(super) struct Reading {
    expected: Expected,
    /// libgit2 was given the expected advertisement; the real one is not to reach it.
    pipelined: bool,
    stage: Stage,
    unread: Vec<u8>,
    band: Vec<u8>,
    /// The capabilities, once they were seen: the expected advertisement of the next push names them.
    pub capabilities: Option<Vec<u8>>,
    matched: bool,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Advertisement,
    Report,
    Done,
}

const FLUSH: &[u8] = b"0000";
/// A packet's four length digits count themselves.
const LENGTH: usize = 4;
const BAND_DATA: u8 = 1;

impl Reading {
    pub(super) fn new(expected: Expected) -> Self {
        Self {
            expected,
            pipelined: false,
            stage: Stage::Advertisement,
            unread: Vec::new(),
            band: Vec::new(),
            capabilities: None,
            matched: false,
        }
    }

    /// The advertisement to give libgit2 at once, for a server whose capabilities are known.
    pub(super) fn pipeline(&mut self, capabilities: &[u8]) -> Vec<u8> {
        self.pipelined = true;
        let mut line = format!("{} {}\0", self.expected.tip, self.expected.branch).into_bytes();
        line.extend_from_slice(capabilities);
        line.push(b'\n');
        let mut bytes = packet(&line);
        bytes.extend_from_slice(FLUSH);
        bytes
    }

    /// Whether everything libgit2 needs has been passed to it.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Takes what has arrived.
    pub(super) fn take(&mut self, bytes: Vec<u8>) -> Seen {
        self.unread.extend(bytes);
        let mut passed = Vec::new();
        while self.stage != Stage::Done {
            let Some(length) = next_length(&self.unread) else {
                return Seen::Garbled;
            };
            let Some(length) = length else { break };
            let packet: Vec<u8> = self.unread.drain(..length).collect();
            let body = packet.get(LENGTH..).unwrap_or_default();
            match self.stage {
                Stage::Advertisement => {
                    if let Some(said) = body.strip_prefix(b"ERR ") {
                        return Seen::Refused(words::scrub(said));
                    }
                    if packet == FLUSH {
                        self.stage = Stage::Report;
                        if self.pipelined && !self.matched {
                            return Seen::Moved;
                        }
                    } else {
                        self.note(body);
                    }
                    if !self.pipelined {
                        passed.extend_from_slice(&packet);
                    }
                }
                Stage::Report | Stage::Done => {
                    passed.extend_from_slice(&packet);
                    if packet == FLUSH {
                        self.stage = Stage::Done;
                    } else if let Some((&BAND_DATA, data)) = body.split_first() {
                        self.band.extend_from_slice(data);
                        if report_is_complete(&self.band) {
                            passed.extend_from_slice(FLUSH);
                            self.stage = Stage::Done;
                        }
                    }
                }
            }
        }
        Seen::Pass(passed)
    }

    fn note(&mut self, body: &[u8]) {
        let line = body.strip_suffix(b"\n").unwrap_or(body);
        let mut halves = line.splitn(2, |byte| *byte == 0);
        let reference = halves.next().unwrap_or_default();
        if let Some(capabilities) = halves.next() {
            self.capabilities = Some(capabilities.to_vec());
        }
        self.matched |= reference == format!("{} {}", self.expected.tip, self.expected.branch).as_bytes();
    }
}

/// The report that the first band carries is packets of its own, ended by a flush.
fn report_is_complete(band: &[u8]) -> bool {
    let mut rest = band;
    while let Some(Some(length)) = next_length(rest) {
        if rest.starts_with(FLUSH) {
            return true;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    false
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
        Reading::new(Expected {
            branch: "refs/heads/main".to_owned(),
            tip: TIP.to_owned(),
        })
    }

    fn advertisement(tip: &str) -> Vec<u8> {
        let mut bytes = packet(format!("{OTHER} refs/heads/a\0report-status side-band-64k\n").as_bytes());
        bytes.extend(packet(format!("{tip} refs/heads/main\n").as_bytes()));
        bytes.extend_from_slice(FLUSH);
        bytes
    }

    fn report() -> Vec<u8> {
        let mut inner = packet(b"unpack ok\n");
        inner.extend(packet(b"ok refs/heads/main\n"));
        inner.extend_from_slice(FLUSH);
        let mut banded = vec![BAND_DATA];
        banded.extend(inner);
        packet(&banded)
    }

    #[test]
    fn a_first_push_passes_through_and_ends_with_the_report() {
        let mut reading = reading();
        let mut all = advertisement(TIP);
        assert_eq!(reading.take(all.clone()), Seen::Pass(all.clone()));
        assert_eq!(
            reading.capabilities.as_deref(),
            Some(&b"report-status side-band-64k"[..])
        );
        all = report();
        let mut sent = all.clone();
        sent.extend(packet(b"\x02hooks are still talking"));
        all.extend_from_slice(FLUSH);
        assert_eq!(reading.take(sent), Seen::Pass(all));
        assert!(reading.is_done());
    }

    #[test]
    fn a_pipelined_push_hides_the_real_advertisement_whatever_the_cuts() {
        let mut bytes = advertisement(TIP);
        bytes.extend(report());
        let mut reading = reading();
        let given = reading.pipeline(b"report-status side-band-64k");
        assert!(given.starts_with(format!("0077{TIP} refs/heads/main\0").as_bytes()) || given.ends_with(FLUSH));
        let mut passed = Vec::new();
        for byte in bytes {
            match reading.take(vec![byte]) {
                Seen::Pass(more) => passed.extend(more),
                other => panic!("{other:?}"),
            }
        }
        let mut wanted = report();
        wanted.extend_from_slice(FLUSH);
        assert_eq!(passed, wanted);
    }

    #[test]
    fn a_branch_that_is_elsewhere_or_gone_is_seen() {
        let mut elsewhere = reading();
        elsewhere.pipeline(b"");
        assert_eq!(elsewhere.take(advertisement(OTHER)), Seen::Moved);
        let mut gone = reading();
        gone.pipeline(b"");
        assert_eq!(gone.take(FLUSH.to_vec()), Seen::Moved);
    }

    #[test]
    fn refusals_and_garbage_are_told_apart() {
        assert_eq!(
            reading().take(packet(b"ERR no such thing\n")),
            Seen::Refused("no such thing".to_owned())
        );
        assert_eq!(reading().take(b"Welcome to acme".to_vec()), Seen::Garbled);
        assert_eq!(reading().take(b"0003".to_vec()), Seen::Garbled);
        assert_eq!(reading().take(b"00".to_vec()), Seen::Pass(Vec::new()));
    }
}
