use super::shown::is_plain;
use tidegate::git::readers::{Packets, PushReading, packet, packets, push_reply, references};

/// Lengths of the pieces that the bytes are cut into.
const CUTS: [usize; 4] = [1, 3, 64, usize::MAX];
/// The longest message of a server that is shown, in characters: 2000, and what the agent says around it.
const LONGEST_MESSAGE: usize = 2100;
/// The most bytes of a report, headers of its packets included.
const LONGEST_REPORT: usize = 64 << 10;

fn pieces(data: &[u8], length: usize) -> Vec<&[u8]> {
    data.chunks(length.min(data.len().max(1))).collect()
}

/// The packets, read without a state: each by its four digits. `None` where the bytes are no packets.
fn expected(data: &[u8]) -> Option<Packets> {
    let mut bodies = Vec::new();
    let rest = read_into(&mut bodies, data)?.to_vec();
    Some(Packets { bodies, rest })
}

/// Adds the packets up to bytes that are none, and returns what is there of the body of the next one.
fn read_into<'a>(bodies: &mut Vec<Option<Vec<u8>>>, mut data: &'a [u8]) -> Option<&'a [u8]> {
    while let Some((header, rest)) = data.split_at_checked(4) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let digits: Vec<u32> = header.iter().map(digit).collect::<Option<_>>()?;
        let length = digits.iter().fold(0, |length, digit| length * 16 + *digit as usize);
        if length == 0 {
            bodies.push(None);
            data = rest;
            continue;
        }
        let Some((body, after)) = rest.split_at_checked(length.checked_sub(4)?) else {
            return Some(rest);
        };
        bodies.push(Some(body.to_vec()));
        data = after;
    }
    Some(&[])
}

/// The input is what a server sends. Properties: the packets are those of a reading without a state, however the bytes are cut;
/// what is written again is read again; more bytes than came are not kept.
pub fn packet_lines(data: &[u8]) {
    let expected = expected(data);
    for length in CUTS {
        assert_eq!(packets(&pieces(data, length)), expected, "cut after {length}");
    }
    if let Some(packets) = expected {
        let size: usize = packets.bodies.iter().flatten().map(Vec::len).sum();
        assert!(size + packets.rest.len() <= data.len());
    }
    let body = &data[..data.len().min(65_516)];
    let written = packets(&[&packet(body)]).expect("what was written is a packet");
    assert_eq!(written.bodies, [Some(body.to_vec())]);
}

/// The input is a server's advertisement. Properties: the cuts decide nothing; a reference is `id name` with a whole id, and
/// stands in the input; the words of a refusal are plain and short.
pub fn advertisement(data: &[u8]) {
    let whole = references(&[data]);
    // A refusal in a packet that has not come as a whole is cut where the bytes are.
    if whole.is_ok() {
        for length in CUTS {
            assert_eq!(references(&pieces(data, length)), whole, "cut after {length}");
        }
    }
    match whole {
        Err(message) => assert!(is_plain(&message, LONGEST_MESSAGE), "{message:?}"),
        Ok(found) => {
            let text = String::from_utf8_lossy(data);
            for reference in found.unwrap_or_default() {
                let (id, name) = reference.split_once(' ').expect("a reference has an id and a name");
                assert!(
                    id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{reference:?}"
                );
                assert!(!name.is_empty() && text.contains(name), "{reference:?}");
                assert!(name.bytes().all(|byte| byte > b' '), "{name:?}");
            }
        }
    }
}

const BRANCH: &str = "refs/heads/main";
const OLD: &str = "1111111111111111111111111111111111111111";

/// The input is what a server sends during a push of `refs/heads/main` from the commit `1111…`. Properties: the cuts decide
/// nothing; a push counts as accepted only after an advertisement and a report that says `ok refs/heads/main`; a branch counts
/// as unmoved only if the advertisement has it so; what is shown is plain and short.
pub fn push_report(data: &[u8]) {
    let whole = push_reply(BRANCH, OLD, &[data]);
    for length in CUTS {
        assert_eq!(
            push_reply(BRANCH, OLD, &pieces(data, length)),
            whole,
            "cut after {length}"
        );
    }
    let Some(reading) = whole else { return };
    let has = |text: &str| data.windows(text.len()).any(|part| part == text.as_bytes());
    let PushReading {
        is_advertised,
        shows_old,
        refusal,
        verdict,
    } = reading;
    assert!(!shows_old || has(&format!("{OLD} {BRANCH}")));
    let texts = match verdict {
        None => Vec::new(),
        Some(verdict) => {
            assert!(is_advertised, "a verdict before the end of the advertisement");
            match verdict {
                Ok(()) => {
                    assert!(says_ok(data), "accepted without a word");
                    Vec::new()
                }
                Err((status, message)) => vec![status, message],
            }
        }
    };
    for text in texts.iter().chain(&refusal) {
        assert!(is_plain(text, LONGEST_MESSAGE), "{text:?}");
    }
    if data.first() == Some(&b'0') && data.len() < 8 {
        let endless = [advertised().as_slice(), &b"0004".repeat(LONGEST_REPORT)].concat();
        assert_eq!(
            push_reply(BRANCH, OLD, &[&endless]),
            None,
            "an endless report is read on"
        );
    }
}

/// Whether any line of the report, with or without bands, says that the branch was moved.
fn says_ok(data: &[u8]) -> bool {
    let bodies = |data: &[u8]| {
        let mut bodies = Vec::new();
        // What follows the report may be anything.
        read_into(&mut bodies, data);
        bodies.into_iter().flatten()
    };
    let (mut banded, mut lines) = (Vec::new(), Vec::new());
    for body in bodies(data) {
        match body.as_slice() {
            [1, part @ ..] => banded.extend_from_slice(part),
            _ => lines.push(body),
        }
    }
    lines.extend(bodies(&banded));
    let mut texts = lines.iter().map(|line| String::from_utf8_lossy(line));
    texts.any(|line| line.trim_end() == format!("ok {BRANCH}"))
}

fn advertised() -> Vec<u8> {
    [
        packet(format!("{OLD} {BRANCH}\0report-status\n").as_bytes()),
        b"0000".to_vec(),
    ]
    .concat()
}
