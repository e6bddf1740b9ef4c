//! Shows what a wait waits for: on a terminal one line for each object, drawn anew in place; elsewhere a line for each change.

use crate::model::Printable;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

/// How many objects are listed at once.
const MAX_LINES: usize = 20;
/// The width of a terminal that does not tell.
const WIDTH: usize = 80;

/// Writes to standard error, so that standard output has the result alone.
pub(super) struct Progress {
    is_terminal: bool,
    /// How many lines stand on the terminal.
    drawn: usize,
    /// What was written last about each object.
    known: BTreeMap<String, String>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            drawn: 0,
            known: BTreeMap::new(),
        }
    }

    /// Shows the objects that are not ready.
    pub(super) fn show(&mut self, unready: &BTreeMap<String, String>) {
        let text = match self.is_terminal {
            true => self.redraw(unready, width()),
            false => self.changes(unready),
        };
        // A closed standard error is no reason to stop waiting.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// The wait is over: nothing stays on the terminal.
    pub(super) fn end(&mut self) {
        self.show(&BTreeMap::new());
    }

    fn redraw(&mut self, unready: &BTreeMap<String, String>, width: usize) -> String {
        let mut text = match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        };
        let mut lines: Vec<String> = unready
            .iter()
            .take(MAX_LINES)
            .map(|(object, message)| format!("{object}: {message}"))
            .collect();
        if unready.len() > MAX_LINES {
            lines.push(format!("{} more", unready.len() - MAX_LINES));
        }
        for line in &lines {
            // A line that is as wide as the terminal may wrap.
            text += &format!("{}\n", clean(line).at_most(width.saturating_sub(1)));
        }
        self.drawn = lines.len();
        text
    }

    fn changes(&mut self, unready: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        for (object, message) in unready {
            if self.known.get(object) != Some(message) {
                text += &format!("{}\n", clean(&format!("{object}: {message}")));
            }
        }
        for object in self.known.keys().filter(|object| !unready.contains_key(*object)) {
            text += &format!("{}\n", clean(&format!("{object}: done")));
        }
        self.known.clone_from(unready);
        text
    }
}

/// One line. The messages are the cluster's: what steers a terminal does not reach it.
fn clean(line: &str) -> Printable<'_> {
    Printable::new(line).with_blanks().uncut()
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0)
        .unwrap_or(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter()
            .map(|(object, message)| ((*object).to_owned(), (*message).to_owned()))
            .collect()
    }

    fn progress() -> Progress {
        Progress {
            is_terminal: true,
            drawn: 0,
            known: BTreeMap::new(),
        }
    }

    #[test]
    fn a_terminal_has_one_line_for_each_object_that_is_not_ready() {
        let mut progress = progress();
        let both = objects(&[("Deployment a", "0 of 1\nready"), ("Deployment b", "0 of 2")]);
        assert_eq!(
            progress.redraw(&both, 80),
            "Deployment a: 0 of 1 ready\nDeployment b: 0 of 2\n"
        );
        assert_eq!(
            progress.redraw(&objects(&[("Deployment b", "1 of 2")]), 80),
            "\x1b[2A\x1b[JDeployment b: 1 of 2\n"
        );
        assert_eq!(progress.redraw(&objects(&[]), 80), "\x1b[1A\x1b[J");
        assert_eq!(
            progress.redraw(&objects(&[("Deployment a", "a long message")]), 20),
            "Deployment a: a lo…\n"
        );
        let many: BTreeMap<String, String> = (0..30).map(|n| (format!("{n:02}"), "x".into())).collect();
        assert!(progress.redraw(&many, 80).ends_with("\n10 more\n"));
    }

    #[test]
    fn elsewhere_each_change_is_a_line() {
        let mut progress = progress();
        let first = objects(&[("Deployment a", "0 of 1")]);
        assert_eq!(progress.changes(&first), "Deployment a: 0 of 1\n");
        assert_eq!(progress.changes(&first), "");
        assert_eq!(progress.changes(&objects(&[])), "Deployment a: done\n");
    }

    #[test]
    fn no_message_of_the_cluster_steers_the_terminal() {
        let mut progress = progress();
        let message = format!("{} \x1b[2J\u{9b}31m\u{202e}\r0 of\n1", "long ".repeat(60));
        let all = objects(&[("Deployment \x1b[1ma", &message)]);
        let expected = format!("Deployment  [1ma: {}  [2J 31m  0 of 1\n", "long ".repeat(60));
        assert_eq!(progress.changes(&all), expected);
        assert_eq!(progress.redraw(&all, 1_000), expected);
        assert_eq!(progress.changes(&objects(&[])), "Deployment  [1ma: done\n");
    }
}
