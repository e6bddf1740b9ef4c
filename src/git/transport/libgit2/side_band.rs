use super::pack::{PackFilter, TooLarge};

/// The most bytes of a pack in one line. Source: gitprotocol-pack(5).
const LONGEST_DATA: usize = 65_515;
/// The first byte of a line with a part of the pack.
const PACK: u8 = 1;

/// The server's answer on its way to libgit2: references, acknowledgements, and the lines that hold the pack. The pack goes
/// through a [`PackFilter`]; the other lines stay as they are.
pub(super) struct SideBand {
    /// The beginning of a line.
    held: Vec<u8>,
    filter: PackFilter,
    /// Whether the pack comes without lines around it.
    is_bare: bool,
}

impl SideBand {
    pub(super) fn new() -> Self {
        Self {
            held: Vec::new(),
            filter: PackFilter::new(),
            is_bare: false,
        }
    }

    /// How many objects were left out so far.
    pub(super) fn left_out(&self) -> usize {
        self.filter.left_out()
    }

    /// Reads the next bytes of the answer, and gives the bytes for libgit2. They may be none before the end of a line or object.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<u8>, TooLarge> {
        let mut out = Vec::with_capacity(bytes.len());
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            if self.is_bare {
                self.filter.feed(rest, &mut out)?;
                rest = &[];
                continue;
            }
            let Some(digits) = rest.get(..4) else { break };
            let length = std::str::from_utf8(digits).ok();
            let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            match length {
                // A flush, or another mark without content.
                Some(0..=3) => {
                    out.extend_from_slice(digits);
                    rest = rest.get(4..).unwrap_or_default();
                }
                Some(length) => {
                    let Some((line, after)) = rest.split_at_checked(length) else {
                        break;
                    };
                    self.line(line, &mut out)?;
                    rest = after;
                }
                None => self.is_bare = true,
            }
        }
        self.held = rest.to_vec();
        Ok(out)
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let Some(part) = line.get(4..).and_then(|content| content.strip_prefix(&[PACK])) else {
            out.extend_from_slice(line);
            return Ok(());
        };
        let mut passed = Vec::with_capacity(part.len());
        self.filter.feed(part, &mut passed)?;
        for part in passed.chunks(LONGEST_DATA) {
            out.extend(format!("{:04x}", part.len() + 5).bytes());
            out.push(PACK);
            out.extend_from_slice(part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(content: &[u8]) -> Vec<u8> {
        [format!("{:04x}", content.len() + 4).as_bytes(), content].concat()
    }

    #[test]
    fn lines_stay_as_they_are_whatever_the_pieces() {
        let answer = [
            line(b"0123456789012345678901234567890123456789 refs/heads/main\n"),
            b"0000".to_vec(),
            line(b"NAK\n"),
            line(b"\x02counting\n"),
            line(b"\x01no pack, so it goes through"),
            b"0000".to_vec(),
        ]
        .concat();
        for piece in [1, 3, 50, answer.len()] {
            let (mut band, mut out) = (SideBand::new(), Vec::new());
            for piece in answer.chunks(piece) {
                out.extend(band.feed(piece).unwrap());
            }
            assert_eq!(out, answer, "{piece}");
        }
    }
}
