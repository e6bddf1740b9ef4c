//! What happened in a run: a hash of everything, and the lines for people if they are asked for.

use std::fmt::Arguments;
use std::hash::{DefaultHasher, Hasher};

/// The trace of one run.
#[derive(Default)]
pub(super) struct Trace {
    hasher: DefaultHasher,
    /// How many events happened.
    pub(super) events: u64,
    /// The events, one line each; `None` if nobody reads them.
    pub(super) lines: Option<Vec<String>>,
}

impl Trace {
    /// Notes an event. `numbers` tell it from other events at the same time.
    pub(super) fn note(&mut self, at: u64, who: usize, what: &str, numbers: &[u64], text: Arguments<'_>) {
        self.events += 1;
        self.hasher.write_u64(at);
        self.hasher.write_usize(who);
        self.hasher.write(what.as_bytes());
        numbers.iter().for_each(|number| self.hasher.write_u64(*number));
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>9.3} s  {who}  {what:<12} {text}", at as f64 / 1000.0));
        }
    }

    /// The hash of all events so far.
    pub(super) fn hash(&self) -> u64 {
        self.hasher.clone().finish()
    }
}
