//! Git's packets: four hexadecimal digits with the length of the whole packet, then the body. Source: gitprotocol-common(5),
//! "pkt-line Format".

/// The packet that ends a list of packets.
pub(crate) const FLUSH: &[u8] = b"0000";
/// The length of a packet's length.
pub(super) const HEADER: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Flush,
    Data(Vec<u8>),
}

/// The bytes are no packets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotPackets;

/// Reads packets from bytes that arrive in pieces of any size.
#[derive(Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Where the next packet begins.
    start: usize,
}

impl Decoder {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole packet; `None` if it has not arrived yet.
    pub(crate) fn next(&mut self) -> Result<Option<Packet>, NotPackets> {
        let Some((header, rest)) = self.rest().split_at_checked(HEADER) else {
            return Ok(None);
        };
        let Some(length) = length(header)? else {
            self.start += HEADER;
            return Ok(Some(Packet::Flush));
        };
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let packet = Packet::Data(body.to_vec());
        self.start += HEADER + length;
        Ok(Some(packet))
    }

    /// What has arrived of the body of the next packet.
    pub(crate) fn partial_body(&self) -> &[u8] {
        self.rest().get(HEADER..).unwrap_or_default()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// The length of the body; `None` for a flush. `from_str_radix` alone would take a sign for a digit.
fn length(header: &[u8]) -> Result<Option<usize>, NotPackets> {
    let digits = std::str::from_utf8(header).ok().filter(|text| !text.starts_with('+'));
    let length = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
    match length.ok_or(NotPackets)? {
        0 => Ok(None),
        length => length.checked_sub(HEADER).map(Some).ok_or(NotPackets),
    }
}

/// One packet with this body.
pub(crate) fn encode(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:04x}", body.len() + HEADER).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_from_pieces_of_any_size() {
        let bytes = [&encode(b"one\n")[..], FLUSH, &encode(b""), &encode(b"two")].concat();
        let expected = [
            Packet::Data(b"one\n".to_vec()),
            Packet::Flush,
            Packet::Data(Vec::new()),
            Packet::Data(b"two".to_vec()),
        ];
        for size in 1..=bytes.len() {
            let (mut decoder, mut packets) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(size) {
                decoder.feed(piece);
                while let Some(packet) = decoder.next().unwrap() {
                    packets.push(packet);
                }
            }
            assert_eq!(packets, expected, "{size}");
        }
    }

    #[test]
    fn bytes_that_are_no_packets_are_refused() {
        for bytes in [&b"Welcome to acme"[..], b"0003", b"+00a", b"-001", b"\xff\xff\xff\xff"] {
            let mut decoder = Decoder::default();
            decoder.feed(bytes);
            assert_eq!(decoder.next(), Err(NotPackets), "{bytes:?}");
        }
        let mut decoder = Decoder::default();
        decoder.feed(b"0009ab");
        assert_eq!((decoder.next(), decoder.partial_body()), (Ok(None), &b"ab"[..]));
    }
}
