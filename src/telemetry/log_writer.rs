use super::redaction::redacted_whole;
use crate::model::is_unprintable;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Writes events to stderr, each as one line and without the secrets that this process has sent.
///
/// The formatter gives every event in one call. Text inside of it comes from file names, commits and servers. A line end there
/// would begin a line that looks like an event of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogWriter {
    /// Whether the formatter itself writes escape sequences for colours. It escapes the ones in fields.
    pub(super) colours: bool,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = one_line(&redacted_whole(&String::from_utf8_lossy(event)), self.colours);
        io::stderr().lock().write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The event as one line: control characters, line separators and marks that turn the reading direction are escaped.
fn one_line(event: &str, colours: bool) -> String {
    let (text, end) = match event.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (event, ""),
    };
    let mut line = String::with_capacity(event.len());
    for c in text.chars() {
        match c {
            '\u{1b}' if colours => line.push(c),
            '\n' | '\r' | '\t' => line.extend(c.escape_default()),
            _ if is_unprintable(c) => line.extend(c.escape_unicode()),
            _ => line.push(c),
        }
    }
    line + end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::telemetry::redaction::remember_token;

    #[test]
    fn an_event_is_one_line_whatever_it_quotes() {
        for (event, expected) in [
            ("INFO a file=x.yaml\n", "INFO a file=x.yaml\n"),
            (
                "INFO a file=x\n2026 ERROR forged\r\n",
                "INFO a file=x\\n2026 ERROR forged\\r\n",
            ),
            (
                "a\u{85}b\u{2028}c\u{202e}d\u{0}\n",
                "a\\u{85}b\\u{2028}c\\u{202e}d\\u{0}\n",
            ),
            ("a\u{1b}[2Kb\n", "a\\u{1b}[2Kb\n"),
        ] {
            assert_eq!(one_line(event, false), expected);
        }
        assert_eq!(
            one_line("\u{1b}[31mERROR\u{1b}[0m a\nb\n", true),
            "\u{1b}[31mERROR\u{1b}[0m a\\nb\n"
        );
    }

    #[test]
    fn a_sent_secret_is_not_written() {
        remember_token(&Secret::new("log-writer-canary"));
        assert_eq!(redacted_whole("a log-writer-canary b\n"), "a <hidden> b\n");
    }
}
