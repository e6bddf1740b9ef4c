use std::fmt;

/// A text that somebody else wrote, made safe for a terminal, a log and a commit message: characters that steer a terminal or
/// turn the direction of text are shown as `?`, and a long text is cut.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    most: usize,
}

/// Longest text that is shown by default, in characters: a name or an address fits, and it does not fill the screen.
const LONGEST: usize = 200;

impl<'a> Printable<'a> {
    /// The text on one line, cut to 200 characters.
    pub fn new(text: &'a str) -> Self {
        Self { text, most: LONGEST }
    }

    /// The same text, cut to this number of characters.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_cut = self.text.chars().nth(self.most).is_some();
        let shown = if is_cut { self.most.saturating_sub(1) } else { self.most };
        for c in self.text.chars().take(shown) {
            let c = if is_unprintable(c) { '?' } else { c };
            write!(f, "{c}")?;
        }
        if is_cut && self.most > 0 {
            write!(f, "…")?;
        }
        Ok(())
    }
}

/// Whether a character steers a terminal or turns the direction of text (Unicode's bidirectional controls and its line and
/// paragraph separators).
pub fn is_unprintable(c: char) -> bool {
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
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(Printable::new("Ünïcödé").at_most(7).to_string(), "Ünïcödé");
        assert_eq!(Printable::new("Ünïcödé").at_most(6).to_string(), "Ünïcö…");
        assert_eq!(Printable::new("abc").at_most(0).to_string(), "");
        assert_eq!(Printable::new(&"x".repeat(300)).to_string().chars().count(), 200);
    }
}
