//! Numbers, texts and lists as bytes. Small numbers take one byte.

use jiff::Timestamp;

/// Bytes that are written.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<u8>);

/// Bytes that are read, from the front. Every method gives `None` for bytes that no [`Form`] has written, and takes no more
/// memory than the bytes have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

/// The part of a number that fits into one byte.
const PART: u64 = 0x7f;
/// Marks a byte after which the number goes on.
const MORE: u8 = 0x80;

impl Form {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn long(&mut self, mut number: u64) {
        while number > PART {
            self.0.push(u8::try_from(number & PART).unwrap_or_default() | MORE);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or_default());
    }

    pub(crate) fn number(&mut self, number: u32) {
        self.long(number.into());
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.long(count as u64);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.bytes(&time.as_second().to_le_bytes());
        self.bytes(&time.subsec_nanosecond().to_le_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.number(u32::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.count(values.len());
        values.iter().for_each(|value| write(self, value));
    }
}

impl<'a> Bytes<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn long(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let part = u64::from(byte & !MORE);
            number |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
            if byte & MORE == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        u32::try_from(self.long()?).ok()
    }

    /// A count of things that take at least a byte each: no more than there are bytes left, unless it counts no things.
    pub(crate) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.long()?).ok()
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        let (second, rest) = (i64::from_le_bytes(self.array()?), i32::from_le_bytes(self.array()?));
        Timestamp::new(second, rest).ok()
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.number()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Box<[T]>> {
        let mut values = Vec::new();
        for _ in 0..self.count()? {
            values.push(read(self)?);
        }
        Some(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_that_is_too_large_or_cut_is_none() {
        for bytes in [
            &[0x80][..],
            &[0xff; 10],
            &[0xff; 11],
            &[0x80, 0x80, 0x80, 0x80, 0x10],
            &[],
        ] {
            assert_eq!(Bytes::of(bytes).number(), None, "{bytes:?}");
        }
        assert_eq!(Bytes::of(&[3, b'a']).text(), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u32, text: String, seconds in -377_705_023_201_i64..253_402_207_200, list: Vec<Option<u32>>) {
            let mut form = Form::default();
            let time = Timestamp::from_second(seconds).unwrap();
            form.number(number);
            form.text(&text);
            form.time(time);
            form.list(&list, |form, value| form.option(*value, Form::number));
            let written = form.into_bytes();
            let mut bytes = Bytes::of(&written);
            prop_assert_eq!(bytes.number(), Some(number));
            prop_assert_eq!(bytes.text(), Some(text.as_str()));
            prop_assert_eq!(bytes.time(), Some(time));
            let read = bytes.list(|bytes| bytes.option(Bytes::number));
            prop_assert_eq!(read.as_deref(), Some(list.as_slice()));
            prop_assert!(bytes.is_at_end());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut bytes = Bytes::of(&bytes);
            let _ = bytes.list(|bytes| bytes.option(Bytes::text));
        }
    }
}
