//! A pack on its way from the server to libgit2, without the objects that take too much memory.
//!
//! libgit2 resolves a delta in memory, with the whole base and the whole result. Two versions of a file of 300 MB of zeros take
//! some kilobytes in a pack, and 600 MB there. So an object is left out if it is a delta from or to more than [`LARGEST`] bytes:
//! a blob of as many bytes stands in its place, so that the offsets in the pack stay right. A file of that size is read by
//! nobody. Whole objects of any size pass, because libgit2 writes those to the disk piece by piece.

use flate2::{Decompress, FlushDecompress, Status};
use sha1::{Digest as _, Sha1};
use std::collections::HashSet;

/// The most bytes of a delta's base or result. Manifests are smaller than the limit of a manifest, 4 MiB.
pub(super) const LARGEST: u64 = 16 << 20;
/// The most bytes of a commit, tree or tag, which are read whole. A folder of a million files has 40 MB.
const LARGEST_READ: u64 = 64 << 20;
/// The most compressed bytes of a delta that is left out. They are held until the delta's end.
const MOST_HELD: usize = 16 << 20;
/// No header of an object is longer: a size, and an offset or an id.
const LONGEST_HEAD: usize = 40;
/// Enough of a delta for the two sizes at its start.
const DELTA_START: usize = 20;
/// The bytes of a stored block of zlib, and of its header. Source: RFC 1951, section 3.2.4.
const BLOCK: usize = 65_535;
const BLOCK_HEAD: usize = 5;

/// An object of the pack is too large even to be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Reads a pack in pieces, and gives the pieces for libgit2.
pub(super) struct PackFilter {
    state: State,
    /// The objects to come.
    objects: u32,
    /// The offset of the next byte.
    offset: u64,
    input: Sha1,
    /// The hash of what was given, once that differs from what was read.
    output: Option<Sha1>,
    /// The offsets of the objects that were left out.
    left_out: HashSet<u64>,
}

enum State {
    Head(Vec<u8>),
    Object(Box<Object>),
    Trailer(Vec<u8>),
    /// The end, or something that is no pack: libgit2 decides.
    Through,
}

/// The object that is being read.
struct Object {
    start: u64,
    /// The hash of all bytes before.
    before: Sha1,
    /// The bytes that were read and not given.
    held: Vec<u8>,
    head: Option<Head>,
    inflate: Decompress,
    /// The beginning of a delta.
    delta: Vec<u8>,
    verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unknown,
    Pass,
    LeaveOut,
}

/// The header of an object.
struct Head {
    kind: u8,
    /// The length of the inflated bytes.
    size: u64,
    /// The offset of a delta's base, if the base stands before in the pack.
    base: Option<u64>,
}

const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;
const ID_DELTA: u8 = 7;

impl PackFilter {
    pub(super) fn new() -> Self {
        Self {
            state: State::Head(Vec::new()),
            objects: 0,
            offset: 0,
            input: Sha1::new(),
            output: None,
            left_out: HashSet::new(),
        }
    }

    /// How many objects were left out so far.
    pub(super) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Reads the next piece of the pack, and adds what libgit2 may have to `out`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
        while !bytes.is_empty() {
            let state = std::mem::replace(&mut self.state, State::Through);
            let (state, used) = match state {
                State::Head(held) => self.head(held, bytes, out),
                State::Object(object) => self.object(object, bytes, out)?,
                State::Trailer(held) => self.trailer(held, bytes, out),
                State::Through => {
                    out.extend_from_slice(bytes);
                    (State::Through, bytes.len())
                }
            };
            self.state = state;
            self.offset += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn head(&mut self, mut held: Vec<u8>, bytes: &[u8], out: &mut Vec<u8>) -> (State, usize) {
        let used = take(&mut held, bytes, 12);
        if held.len() < 12 {
            return (State::Head(held), used);
        }
        out.extend_from_slice(&held);
        self.input.update(&held);
        let count = held.get(8..).and_then(|count| count.try_into().ok());
        self.objects = count.map_or(0, u32::from_be_bytes);
        let state = match held.starts_with(b"PACK") {
            true => self.next(self.offset + used as u64),
            false => State::Through,
        };
        (state, used)
    }

    fn next(&self, start: u64) -> State {
        if self.objects == 0 {
            return State::Trailer(Vec::new());
        }
        State::Object(Box::new(Object {
            start,
            before: self.input.clone(),
            held: Vec::new(),
            head: None,
            inflate: Decompress::new(true),
            delta: Vec::new(),
            verdict: Verdict::Unknown,
        }))
    }

    fn object(&mut self, mut object: Box<Object>, bytes: &[u8], out: &mut Vec<u8>) -> Result<(State, usize), TooLarge> {
        if object.head.is_none() {
            let used = 1;
            let read = bytes.get(..used).unwrap_or_default();
            self.input.update(read);
            object.held.extend_from_slice(read);
            object.head = Head::parse(&object.held, object.start);
            if object.held.len() > LONGEST_HEAD {
                return Ok((self.give_up(&object, out), used));
            }
            object.judge(&self.left_out)?;
            self.give_held(&mut object, out);
            return Ok((State::Object(object), used));
        }
        let mut inflated = [0; 32 << 10];
        let (used_before, made_before) = (object.inflate.total_in(), object.inflate.total_out());
        let status = object.inflate.decompress(bytes, &mut inflated, FlushDecompress::None);
        let used = usize::try_from(object.inflate.total_in() - used_before).unwrap_or(bytes.len());
        let made = usize::try_from(object.inflate.total_out() - made_before).unwrap_or_default();
        let read = bytes.get(..used).unwrap_or_default();
        self.input.update(read);
        object.held.extend_from_slice(read);
        let is_stuck = used == 0 && made == 0 && !matches!(status, Ok(Status::StreamEnd));
        if status.is_err() || is_stuck {
            return Ok((self.give_up(&object, out), used));
        }
        if object.verdict == Verdict::Unknown {
            let room = DELTA_START.saturating_sub(object.delta.len());
            object.delta.extend(inflated.iter().take(made.min(room)));
            object.judge(&self.left_out)?;
        }
        let is_end = matches!(status, Ok(Status::StreamEnd));
        if is_end && object.verdict == Verdict::Unknown {
            object.verdict = Verdict::Pass;
        }
        self.give_held(&mut object, out);
        if object.held.len() > MOST_HELD {
            return Err(TooLarge);
        }
        if !is_end {
            return Ok((State::Object(object), used));
        }
        if object.verdict == Verdict::LeaveOut {
            let stand_in = stand_in(object.held.len(), object.start).ok_or(TooLarge)?;
            self.output.get_or_insert(object.before).update(&stand_in);
            out.extend_from_slice(&stand_in);
            self.left_out.insert(object.start);
        }
        self.objects -= 1;
        Ok((self.next(self.offset + used as u64), used))
    }

    /// Gives what is held of an object that passes.
    fn give_held(&mut self, object: &mut Object, out: &mut Vec<u8>) {
        if object.verdict == Verdict::Pass {
            if let Some(output) = &mut self.output {
                output.update(&object.held);
            }
            out.append(&mut object.held);
        }
    }

    /// What is no pack goes on to libgit2, which says so.
    fn give_up(&mut self, object: &Object, out: &mut Vec<u8>) -> State {
        out.extend_from_slice(&object.held);
        State::Through
    }

    /// The hash at the end. A hash that was wrong before stays wrong.
    fn trailer(&mut self, mut held: Vec<u8>, bytes: &[u8], out: &mut Vec<u8>) -> (State, usize) {
        let used = take(&mut held, bytes, 20);
        if held.len() < 20 {
            return (State::Trailer(held), used);
        }
        let is_right = self.input.clone().finalize().as_slice() == held;
        match self.output.take().filter(|_| is_right) {
            Some(output) => out.extend_from_slice(output.finalize().as_slice()),
            None => out.extend_from_slice(&held),
        }
        (State::Through, used)
    }
}

impl Object {
    /// Decides as soon as enough is known.
    fn judge(&mut self, left_out: &HashSet<u64>) -> Result<(), TooLarge> {
        let Some(head) = self.head.as_ref().filter(|_| self.verdict == Verdict::Unknown) else {
            return Ok(());
        };
        let is_delta = matches!(head.kind, OFFSET_DELTA | ID_DELTA);
        if !is_delta {
            if head.kind != BLOB && head.size > LARGEST_READ {
                return Err(TooLarge);
            }
            self.verdict = Verdict::Pass;
        } else if head.size > LARGEST || head.base.is_some_and(|base| left_out.contains(&base)) {
            self.verdict = Verdict::LeaveOut;
        } else if let Some((base, rest)) = delta_size(&self.delta)
            && let Some((result, _)) = delta_size(rest)
        {
            let is_large = base > LARGEST || result > LARGEST;
            self.verdict = if is_large { Verdict::LeaveOut } else { Verdict::Pass };
        }
        Ok(())
    }
}

impl Head {
    /// Reads the header of the object that starts at `start`; `None` if it is not complete. Source: gitformat-pack(5).
    fn parse(bytes: &[u8], start: u64) -> Option<Self> {
        let (first, mut rest) = bytes.split_first()?;
        let (kind, mut size, mut shift) = (first >> 4 & 7, u64::from(first & 15), 4);
        let mut last = *first;
        while last & 0x80 != 0 {
            (last, rest) = rest.split_first().map(|(byte, rest)| (*byte, rest))?;
            size |= u64::from(last & 0x7f).checked_shl(shift).unwrap_or(u64::MAX);
            shift += 7;
        }
        let base = match kind {
            OFFSET_DELTA => {
                let (mut byte, mut distance) = (0x80, 0_u64);
                let mut is_first = true;
                while byte & 0x80 != 0 {
                    (byte, rest) = rest.split_first().map(|(byte, rest)| (*byte, rest))?;
                    let more = u64::from(!is_first);
                    distance = (distance.wrapping_add(more) << 7) | u64::from(byte & 0x7f);
                    is_first = false;
                }
                start.checked_sub(distance)
            }
            ID_DELTA if rest.len() < 20 => return None,
            _ => None,
        };
        Some(Self { kind, size, base })
    }
}

/// The size at the start of a delta's bytes, and the bytes after; `None` if it is not complete.
fn delta_size(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut size, mut shift, mut last) = (0, 0, 0x80);
    while last & 0x80 != 0 {
        (last, bytes) = bytes.split_first().map(|(byte, rest)| (*byte, rest))?;
        size |= u64::from(last & 0x7f).checked_shl(shift).unwrap_or(u64::MAX);
        shift += 7;
    }
    Some((size, bytes))
}

/// Moves bytes to `held` until it has `most`; returns how many.
fn take(held: &mut Vec<u8>, bytes: &[u8], most: usize) -> usize {
    let used = bytes.len().min(most - held.len());
    held.extend(bytes.iter().take(used));
    used
}

/// A blob that takes `length` bytes of a pack, another one for each offset: its header, and a zlib stream of stored blocks.
fn stand_in(length: usize, offset: u64) -> Option<Vec<u8>> {
    let (mut head, mut content, mut blocks) = (0, 0, 0);
    while size_digits(content) > head {
        head += 1;
        // Two bytes of zlib stand before the blocks, and four after them.
        let room = length.checked_sub(head + 6)?;
        blocks = room.div_ceil(BLOCK + BLOCK_HEAD).max(1);
        content = room.checked_sub(blocks * BLOCK_HEAD)?;
    }
    let mut bytes = Vec::with_capacity(length);
    let mut size = content >> 4;
    bytes.push(BLOB << 4 | (content & 15) as u8 | if head > 1 { 0x80 } else { 0 });
    for digit in 1..head {
        bytes.push((size & 0x7f) as u8 | if digit + 1 < head { 0x80 } else { 0 });
        size >>= 7;
    }
    let mut text = offset.to_le_bytes().to_vec();
    text.resize(content, 0);
    bytes.extend([0x78, 0x01]);
    let mut left = text.as_slice();
    for block in 0..blocks {
        let (part, rest) = left.split_at(left.len().min(BLOCK));
        let part_length = part.len() as u16;
        bytes.push(u8::from(block + 1 == blocks));
        bytes.extend(part_length.to_le_bytes());
        bytes.extend((!part_length).to_le_bytes());
        bytes.extend_from_slice(part);
        left = rest;
    }
    bytes.extend(adler32(&text).to_be_bytes());
    (bytes.len() == length).then_some(bytes)
}

/// How many bytes a header with this size has.
fn size_digits(size: usize) -> usize {
    let bits = usize::BITS as usize - size.leading_zeros() as usize;
    1 + bits.saturating_sub(4).div_ceil(7)
}

/// The checksum of a zlib stream. Source: RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests;
