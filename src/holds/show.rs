use super::lift_hold::{LiftMode, Lifted};
use super::list::Held;
use crate::model::{Printable, table};
use serde::Serialize;
use std::fmt;

/// The answer to `tidegate holds`: a table for people, and the JSON of `-o json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldList {
    /// What is held.
    pub holds: Vec<Held>,
}

impl fmt::Display for HoldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holds.is_empty() {
            return f.write_str("nothing is held\n");
        }
        let mut rows = vec![["FIELD", "REJECTED", "SINCE", "COMMIT", "BY", "LIFTED WITH"].map(str::to_owned)];
        rows.extend(self.holds.iter().map(|held| {
            [
                held.name(),
                held.tags(),
                held.since.time.to_string(),
                held.since.commit.short().to_string(),
                Printable::new(&held.since.author).dropping().to_string(),
                held.resume.clone(),
            ]
        }));
        f.write_str(&table(&rows))
    }
}

impl Lifted {
    /// What was lifted, for people.
    pub fn describe(&self, mode: LiftMode) -> String {
        let Some(commit) = self.commit else {
            return "no such hold: there is nothing to lift, and no commit was made\n".to_owned();
        };
        let lines = self.lifted.iter().map(|held| match (mode, held.rejected.last()) {
            (LiftMode::Release, Some(tag)) => format!(
                "{}: {tag} is in the file again; no longer held: {}\n",
                held.name(),
                held.tags()
            ),
            _ => format!("{}: {} may be chosen again\n", held.name(), held.tags()),
        });
        format!("{}commit {commit}\n", lines.collect::<String>())
    }
}
