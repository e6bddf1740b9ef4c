use std::fmt::{self, Write as _};

/// A text that somebody else wrote, made safe for a terminal, a log and a commit message: characters that steer a terminal or
/// turn the direction of text are replaced or dropped, and a long text is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printable<'a> {
    text: &'a str,
    most: usize,
    /// The character that is shown for an unprintable one; `None` drops the unprintable character.
    replacement: Option<char>,
    keeps_line_ends: bool,
    strips_escapes: bool,
}

/// Longest text that is shown by default, in characters: a name or an address fits, and it does not fill the screen.
const LONGEST: usize = 200;

impl<'a> Printable<'a> {
    /// The text on one line, cut to 200 characters. Every unprintable character becomes a `?`.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            most: LONGEST,
            replacement: Some('?'),
            keeps_line_ends: false,
            strips_escapes: false,
        }
    }

    /// The same text, cut to this number of characters.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The same text in its whole length.
    #[must_use]
    pub fn uncut(self) -> Self {
        self.at_most(usize::MAX)
    }

    /// The same text with a blank for every unprintable character: words on two lines stay two words.
    #[must_use]
    pub fn with_blanks(self) -> Self {
        Self {
            replacement: Some(' '),
            ..self
        }
    }

    /// The same text without its unprintable characters.
    #[must_use]
    pub fn dropping(self) -> Self {
        Self {
            replacement: None,
            ..self
        }
    }

    /// The same text with its line feeds.
    #[must_use]
    pub fn keeping_line_ends(self) -> Self {
        Self {
            keeps_line_ends: true,
            ..self
        }
    }

    /// The same text without the terminal's escape sequences, such as `ESC [ 31 m` for red text. Without this option the
    /// text keeps the printable part of a sequence.
    #[must_use]
    pub fn without_escapes(self) -> Self {
        Self {
            strips_escapes: true,
            ..self
        }
    }

    /// The characters that are shown, before the cut.
    fn shown(self) -> impl Iterator<Item = char> + 'a {
        let mut chars = self.text.chars().peekable();
        std::iter::from_fn(move || {
            loop {
                let c = chars.next()?;
                if c == '\u{1b}' && self.strips_escapes {
                    if chars.next_if_eq(&'[').is_some() {
                        while chars.next_if(|c| !c.is_ascii_alphabetic() && !c.is_control()).is_some() {}
                        chars.next_if(char::is_ascii_alphabetic);
                    }
                } else if c == '\n' && self.keeps_line_ends || !is_unprintable(c) && c != BYTE_ORDER_MARK {
                    return Some(c);
                } else if self.replacement.is_some() {
                    return self.replacement;
                }
            }
        })
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_cut = self.shown().nth(self.most).is_some();
        let count = if is_cut { self.most.saturating_sub(1) } else { self.most };
        for c in self.shown().take(count) {
            f.write_char(c)?;
        }
        if is_cut && self.most > 0 {
            f.write_char('…')?;
        }
        Ok(())
    }
}

/// An invisible character that some servers send before their text.
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Whether a character steers a terminal or turns the direction of text (Unicode's bidirectional controls and its line and
/// paragraph separators).
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_shown() {
        let text = "Jo\u{1b}[2J\n<jo@acme.example>\u{202e}";
        assert_eq!(Printable::new(text).to_string(), "Jo?[2J?<jo@acme.example>?");
        assert_eq!(
            Printable::new(text).with_blanks().to_string(),
            "Jo [2J <jo@acme.example> "
        );
        assert_eq!(
            Printable::new(text).dropping().keeping_line_ends().to_string(),
            "Jo[2J\n<jo@acme.example>"
        );
        assert_eq!(
            Printable::new(text).without_escapes().to_string(),
            "Jo?<jo@acme.example>?"
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(Printable::new("Ünïcödé").at_most(7).to_string(), "Ünïcödé");
        assert_eq!(Printable::new("Ünïcödé").at_most(6).to_string(), "Ünïcö…");
        assert_eq!(Printable::new("abc").at_most(0).to_string(), "");
        assert_eq!(Printable::new("\u{7}abc").dropping().at_most(3).to_string(), "abc");
        let long = "x".repeat(300);
        assert_eq!(Printable::new(&long).to_string().chars().count(), 200);
        assert_eq!(Printable::new(&long).uncut().to_string(), long);
    }
}
