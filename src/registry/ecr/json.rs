//! A reader of JSON texts that borrows from the text. It reads strictly: `None` means that the text is not as expected, and
//! the caller leaves the text to the SDK.

use std::borrow::Cow;

/// The deepest nesting of a value that is skipped.
const DEEPEST: u32 = 32;

/// A place in a text.
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The place of the next byte.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// The next byte that is not blank; it stays the next one.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Passes this byte.
    pub(super) fn pass(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether nothing but blanks follows.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads an object: calls `member` behind each key, to read the value.
    pub(super) fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.pass(b'{')?;
        if self.peek()? == b'}' {
            return self.pass(b'}');
        }
        loop {
            let Cow::Borrowed(key) = self.string()? else {
                return None;
            };
            self.pass(b':')?;
            member(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.pass(b'}'),
            }
        }
    }

    /// Reads a list: calls `element` at each element, to read the element.
    pub(super) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.pass(b'[')?;
        if self.peek()? == b']' {
            return self.pass(b']');
        }
        loop {
            element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.pass(b']'),
            }
        }
    }

    /// Reads `null`, or else a value.
    pub(super) fn optional<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.peek()? {
            b'n' => self.word("null").map(|()| None),
            _ => value(self).map(Some),
        }
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.pass(b'"')?;
        let start = self.at;
        let mut is_plain = true;
        loop {
            self.at += end_of_plain(&self.text.as_bytes()[self.at..]);
            match self.text.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    self.at += 2;
                }
                _ => return None,
            }
        }
        let inner = self.text.get(start..self.at)?;
        self.at += 1;
        match is_plain {
            true => Some(Cow::Borrowed(inner)),
            false => serde_json::from_str(self.text.get(start - 1..self.at)?)
                .ok()
                .map(Cow::Owned),
        }
    }

    /// Reads a finite number: as it is written, and its value.
    pub(super) fn number(&mut self) -> Option<(&'a str, f64)> {
        self.peek().filter(|byte| byte.is_ascii_digit() || *byte == b'-')?;
        let rest = &self.text[self.at..];
        let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        let length = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let number = &rest[..length];
        self.at += length;
        let value = number.parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some((number, value))
    }

    /// Skips a value of any kind.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_below(DEEPEST)
    }

    fn skip_below(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'{' => self.object(|json, _| json.skip_below(depth)),
            b'[' => self.list(|json| json.skip_below(depth)),
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }
}

/// How many bytes come before the next quote, backslash or control character. Eight bytes are looked at together: most of a
/// page is inside of strings.
fn end_of_plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|chunk| chunk.try_into().ok()) {
        let word = u64::from_le_bytes(chunk);
        let quotes = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslashes = has_zero(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        if quotes | backslashes | controls != 0 {
            break;
        }
        at += 8;
    }
    let is_plain = |byte: u8| byte != b'"' && byte != b'\\' && byte >= 0x20;
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len())
}
