//! What a service advertises before anything else: the server's references and capabilities. Source: gitprotocol-pack(5),
//! "Reference Discovery".

use super::pkt_line::{Decoder, Packet};
use crate::git::transport::server_message;

/// Tens of thousands of branches fit into this size.
const LONGEST: usize = 16 << 20;
/// The digits of a commit id.
const ID_LENGTH: usize = 40;

/// Interprets the packets of an advertisement, one by one.
#[derive(Default)]
pub(crate) struct Advertisement {
    /// Over HTTP the advertisement begins with the service's name and a flush of its own.
    is_introduced: bool,
    has_ended: bool,
    pub capabilities: Vec<u8>,
    /// The text of an `ERR` packet.
    pub refusal: Option<String>,
}

impl Advertisement {
    /// Takes the next packet, and returns its reference (`id name`) if it holds one.
    pub(crate) fn take<'a>(&mut self, packet: &'a Packet) -> Option<&'a [u8]> {
        let Packet::Data(body) = packet else {
            self.has_ended = !std::mem::take(&mut self.is_introduced);
            return None;
        };
        if let Some(message) = refusal(body) {
            self.refusal = Some(message);
            return None;
        }
        if body.starts_with(b"# service=") {
            self.is_introduced = true;
            return None;
        }
        let line = body.strip_suffix(b"\n").unwrap_or(body);
        let mut halves = line.splitn(2, |byte| *byte == 0);
        let reference = halves.next();
        if let Some(capabilities) = halves.next() {
            self.capabilities = capabilities.to_vec();
        }
        reference
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

fn refusal(body: &[u8]) -> Option<String> {
    body.strip_prefix(b"ERR ").map(server_message::plain)
}

/// The references of an advertisement, from bytes that arrive in pieces of any size.
#[derive(Default)]
pub(crate) struct References {
    decoder: Decoder,
    advertisement: Advertisement,
    found: Vec<String>,
    length: usize,
}

/// Why the references cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoReferences {
    /// The server refuses, in these words.
    Refused(String),
    /// This is not git's protocol, or too much of it.
    NotGit(&'static str),
}

impl References {
    /// Takes bytes that have arrived. Returns the references, `id name`, at the end of the advertisement.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<Vec<String>>, NoReferences> {
        self.length += bytes.len();
        if self.length > LONGEST {
            return Err(NoReferences::NotGit("its list of branches is longer than 16 MiB"));
        }
        self.decoder.feed(bytes);
        let not_git = |_| NoReferences::NotGit("it is not git's protocol");
        while let Some(packet) = self.decoder.next().map_err(not_git)? {
            let line = self.advertisement.take(&packet).map(<[u8]>::trim_ascii_end);
            let reference = line.filter(|line| is_reference(line));
            self.found
                .extend(reference.map(|line| String::from_utf8_lossy(line).into_owned()));
            if let Some(message) = self.advertisement.refusal.take() {
                return Err(NoReferences::Refused(message));
            }
            if self.advertisement.has_ended() {
                return Ok(Some(std::mem::take(&mut self.found)));
            }
        }
        // Some servers announce a longer packet than they send.
        match refusal(self.decoder.partial_body()) {
            Some(message) => Err(NoReferences::Refused(message)),
            None => Ok(None),
        }
    }
}

/// Whether the line is an id and a name, which has no blanks and control characters. Other lines are not kept: a server can send millions of short ones.
fn is_reference(line: &[u8]) -> bool {
    let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(|byte| *byte > b' ' && *byte != 0x7f);
    let halves = line.split_at_checked(ID_LENGTH);
    halves
        .is_some_and(|(id, name)| id.iter().all(u8::is_ascii_hexdigit) && name.strip_prefix(b" ").is_some_and(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::protocol::pkt_line::{FLUSH, encode};

    const ID: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn lines_that_are_no_references_are_not_kept() {
        let line = |text: &str| encode(text.as_bytes());
        let bytes = [
            line("version 1\n"),
            line(&format!("{ID} refs/heads/main\0report-status\n")),
            line(&format!("shallow {ID}\n")),
            line(&format!("{ID} \n")),
            line(&format!("{ID} \r\r")),
            line(&format!("{ID} \x0b\n")),
            line(""),
            line("x"),
            FLUSH.to_vec(),
        ];
        let mut references = References::default();
        let found = references.take(&bytes.concat()).unwrap().unwrap();
        assert_eq!(found, [format!("{ID} refs/heads/main")]);
    }

    #[test]
    fn an_endless_list_of_empty_lines_is_refused_and_takes_no_memory() {
        let mut references = References::default();
        let piece = b"0004".repeat(16 << 10);
        let refused = (0..=LONGEST / piece.len()).find_map(|_| {
            let taken = references.take(&piece);
            assert_eq!(references.found.capacity(), 0);
            taken.err()
        });
        assert_eq!(
            refused,
            Some(NoReferences::NotGit("its list of branches is longer than 16 MiB"))
        );
    }

    #[test]
    fn a_refusal_is_read_from_a_packet_that_is_shorter_than_announced() {
        for bytes in [&b"0010ERR no way\n"[..], b"00ffERR no way\n"] {
            let refused = References::default().take(bytes);
            assert_eq!(refused, Err(NoReferences::Refused("no way".to_owned())));
        }
    }
}
