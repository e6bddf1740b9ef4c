//! What `git-receive-pack` sends: its advertisement, and then its report on the push. Source: gitprotocol-pack(5), "Pushing
//! Data To a Server" and "Report Status".

use super::advertisement::Advertisement;
use super::pkt_line::{Decoder, HEADER, Packet};
use crate::git::transport::server_message;

/// The id of a branch that does not exist.
pub(crate) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A report on one branch is two lines.
const LONGEST_REPORT: usize = 64 << 10;

/// The server's verdict on a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server has moved the branch.
    Accepted,
    /// The server advertised another value of the branch than the old one.
    Moved,
    /// The server refuses the update. `message` is what its hooks printed.
    Rejected { status: String, message: String },
}

/// What the server has sent so far about the update of one branch.
pub(crate) struct PushReply {
    decoder: Decoder,
    advertisement: Advertisement,
    expected: ExpectedBranch,
    report: Report,
    pub stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Advertisement,
    Report,
    Done,
}

impl PushReply {
    /// For an update of the branch from the commit `old`; [`NO_COMMIT`]: the branch must not exist.
    pub(crate) fn new(branch: &str, old: &str) -> Self {
        Self {
            decoder: Decoder::default(),
            advertisement: Advertisement::default(),
            expected: ExpectedBranch::new(branch, old),
            report: Report::new(branch),
            stage: Stage::Advertisement,
        }
    }

    /// For a push whose advertisement was read before.
    pub(crate) fn of_report(branch: &str, old: &str) -> Self {
        Self {
            stage: Stage::Report,
            ..Self::new(branch, old)
        }
    }

    /// Takes bytes that have arrived; `None` if they are not git's protocol.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.decoder.feed(bytes);
        while self.stage != Stage::Done
            && let Some(packet) = self.decoder.next().ok()?
        {
            match self.stage {
                Stage::Advertisement => {
                    if let Some(reference) = self.advertisement.take(&packet) {
                        self.expected.compare(reference);
                    }
                    if self.advertisement.has_ended() {
                        self.stage = Stage::Report;
                    }
                }
                _ => {
                    self.report.take(&packet)?;
                    if self.report.has_ended {
                        self.stage = Stage::Done;
                    }
                }
            }
        }
        Some(())
    }

    /// Whether the advertisement shows the branch at its old value.
    pub(crate) fn shows_old(&self) -> bool {
        self.expected.is_as_expected
    }

    pub(crate) fn capabilities(&self) -> &[u8] {
        &self.advertisement.capabilities
    }

    pub(crate) fn take_refusal(&mut self) -> Option<String> {
        self.advertisement.refusal.take()
    }

    /// The verdict of a finished report.
    pub(crate) fn verdict(&self) -> Verdict {
        self.report.verdict()
    }
}

/// Finds out whether a branch is advertised with a certain commit, or is missing as expected.
struct ExpectedBranch {
    /// ` refs/heads/…`: what follows the id.
    name: String,
    old: String,
    is_as_expected: bool,
}

impl ExpectedBranch {
    fn new(branch: &str, old: &str) -> Self {
        Self {
            name: format!(" {branch}"),
            old: old.to_owned(),
            is_as_expected: old == NO_COMMIT,
        }
    }

    fn compare(&mut self, reference: &[u8]) {
        let Some((id, name)) = reference.split_at_checked(NO_COMMIT.len()) else {
            return;
        };
        if name == self.name.as_bytes() {
            self.is_as_expected = id == self.old.as_bytes();
        }
    }
}

/// The report on the push, with or without side bands.
struct Report {
    branch: String,
    /// The report's own packets; with side bands they are the content of the first band.
    packets: Decoder,
    length: usize,
    lines: Vec<String>,
    has_ended: bool,
    /// What hooks print.
    message: Vec<u8>,
}

impl Report {
    fn new(branch: &str) -> Self {
        Self {
            branch: branch.to_owned(),
            packets: Decoder::default(),
            length: 0,
            lines: Vec::new(),
            has_ended: false,
            message: Vec::new(),
        }
    }

    /// `None` if the report is not git's protocol, or too long.
    fn take(&mut self, packet: &Packet) -> Option<()> {
        match packet {
            Packet::Data(body) => match body.as_slice() {
                [1, data @ ..] => self.take_report(data)?,
                [2 | 3, data @ ..] => {
                    let room = server_message::LONGEST_RAW.saturating_sub(self.message.len());
                    self.message.extend(data.iter().take(room));
                }
                line => self.take_line(line)?,
            },
            Packet::Flush => self.has_ended = true,
        }
        Some(())
    }

    fn take_report(&mut self, data: &[u8]) -> Option<()> {
        self.packets.feed(data);
        while let Some(packet) = self.packets.next().ok()? {
            match packet {
                Packet::Data(line) => self.take_line(&line)?,
                Packet::Flush => self.has_ended = true,
            }
        }
        Some(())
    }

    fn take_line(&mut self, line: &[u8]) -> Option<()> {
        self.length += HEADER + line.len();
        self.lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
        (self.length <= LONGEST_REPORT).then_some(())
    }

    fn verdict(&self) -> Verdict {
        let mut status = None;
        for line in &self.lines {
            if *line == format!("ok {}", self.branch) {
                return Verdict::Accepted;
            }
            if let Some(refusal) = line.strip_prefix(&format!("ng {} ", self.branch)) {
                status = Some(server_message::plain(refusal.as_bytes()));
            } else if let Some(problem) = line.strip_prefix("unpack ").filter(|state| *state != "ok") {
                let problem = server_message::plain(problem.as_bytes());
                status.get_or_insert_with(|| format!("the server could not unpack it: {problem}"));
            }
        }
        Verdict::Rejected {
            status: status.unwrap_or_else(|| "the server's report does not name the branch".to_owned()),
            message: server_message::plain(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::protocol::pkt_line::{FLUSH, encode};

    const TIP: &str = "1111111111111111111111111111111111111111";
    const OTHER: &str = "2222222222222222222222222222222222222222";

    fn reply() -> PushReply {
        PushReply::new("refs/heads/main", TIP)
    }

    fn advertisement(tip: &str) -> Vec<u8> {
        let mut bytes = encode(format!("{OTHER} refs/heads/a\0report-status side-band-64k\n").as_bytes());
        bytes.extend(encode(format!("{tip} refs/heads/main\n").as_bytes()));
        bytes.extend_from_slice(FLUSH);
        bytes
    }

    fn banded(band: u8, data: &[u8]) -> Vec<u8> {
        encode(&[&[band], data].concat())
    }

    fn report(lines: &[&str]) -> Vec<u8> {
        let mut report: Vec<u8> = lines.iter().flat_map(|line| encode(line.as_bytes())).collect();
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
            let mut reply = reply();
            for chunk in bytes.chunks(size) {
                assert_ne!(reply.stage, Stage::Done);
                reply.take(chunk).unwrap();
            }
            assert_eq!(
                (reply.stage, reply.shows_old(), reply.verdict()),
                (Stage::Done, true, Verdict::Accepted)
            );
            assert_eq!(reply.capabilities(), b"report-status side-band-64k");
        }
    }

    #[test]
    fn a_rejection_has_its_status_and_the_output_of_hooks() {
        let mut reply = reply();
        reply
            .take(&conversation(&report(&[
                "unpack ok\n",
                "ng refs/heads/main hook declined\n",
            ])))
            .unwrap();
        let (status, message) = ("hook declined".to_owned(), "checking".to_owned());
        assert_eq!(reply.verdict(), Verdict::Rejected { status, message });
    }

    #[test]
    fn a_server_without_bands_is_understood() {
        let mut reply = reply();
        reply.take(&advertisement(TIP)).unwrap();
        reply.take(&report(&["unpack ok\n", "ok refs/heads/main\n"])).unwrap();
        assert_eq!((reply.stage, reply.verdict()), (Stage::Done, Verdict::Accepted));
    }

    #[test]
    fn a_report_about_another_branch_or_a_failed_unpacking_is_no_success() {
        for lines in [
            &["unpack ok\n", "ok refs/heads/mai\n"][..],
            &["unpack disk full\n"],
            &[],
        ] {
            let mut reply = reply();
            reply.take(&conversation(&report(lines))).unwrap();
            assert!(matches!(reply.verdict(), Verdict::Rejected { .. }), "{lines:?}");
        }
    }

    #[test]
    fn an_endless_report_is_refused_also_if_its_lines_are_empty() {
        let mut reply = reply();
        reply.take(&advertisement(TIP)).unwrap();
        let lines = LONGEST_REPORT / HEADER;
        assert_eq!(reply.take(&banded(1, &encode(b"").repeat(lines / 2))), Some(()));
        assert_eq!(reply.take(&encode(b"x").repeat(lines / 2)), None);
        assert!(reply.report.lines.len() <= lines);
    }

    #[test]
    fn a_status_is_made_plain_before_it_is_shown() {
        for (line, expected) in [
            ("ng refs/heads/main \x1b[31mno\x1b[0m\tway\n", "no way"),
            (
                "unpack \x1b]0;title\x07full\n",
                "the server could not unpack it: ]0;titlefull",
            ),
        ] {
            let mut reply = reply();
            reply.take(&conversation(&report(&[line]))).unwrap();
            let Verdict::Rejected { status, .. } = reply.verdict() else {
                panic!("accepted");
            };
            assert_eq!(status, expected);
        }
    }

    #[test]
    fn a_branch_that_is_elsewhere_or_gone_is_seen() {
        for bytes in [advertisement(OTHER), FLUSH.to_vec()] {
            let mut reply = reply();
            reply.take(&bytes).unwrap();
            assert_eq!((reply.stage, reply.shows_old()), (Stage::Report, false));
        }
    }

    #[test]
    fn refusals_and_garbage_are_distinguished() {
        let mut refusing = reply();
        refusing.take(&encode(b"ERR no such thing\n")).unwrap();
        assert_eq!(refusing.take_refusal().as_deref(), Some("no such thing"));
        assert!(reply().take(b"Welcome to acme").is_none());
        assert!(reply().take(b"0003").is_none());
        assert!(reply().take(b"00").is_some());
    }
}
