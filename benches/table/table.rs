//! The table of results.

use std::fmt;
use std::time::{Duration, Instant};

/// A table of parts. Each part has a heading and rows.
#[derive(Debug, Default)]
pub struct Table {
    parts: Vec<(String, Vec<[String; 4]>)>,
    since: Option<(Instant, Duration)>,
}

const HEADS: [&str; 4] = ["", "Tidegate", "Flux (measured elsewhere)", "limit or goal"];

impl Table {
    /// Begins a part with this heading.
    pub fn part(&mut self, heading: impl Into<String>) {
        let heading = heading.into();
        self.end();
        eprintln!("measuring: {heading}");
        self.since = waited().map(|waited| (Instant::now(), waited));
        self.parts.push((heading, Vec::new()));
    }

    /// Ends the part with a row about the load of the machine: other work lengthens all times of the part.
    pub fn end(&mut self) {
        if let (Some((start, before)), Some(after)) = (self.since.take(), waited()) {
            let share = (after - before).as_secs_f64() / start.elapsed().as_secs_f64();
            self.row(
                "share of the time that something waited for a processor",
                format!("{:.0} %", share * 100.0),
                "",
                "",
            );
        }
    }

    /// Adds a row: what was measured, the result for Tidegate, the result for Flux, the limit or goal.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        here: impl Into<String>,
        flux: impl Into<String>,
        limit: impl Into<String>,
    ) {
        let row = [what.into(), here.into(), flux.into(), limit.into()];
        if let Some((_, rows)) = self.parts.last_mut() {
            rows.push(row);
        }
    }
}

/// The time since the machine's start in which at least one task waited for a processor. Not every kernel reports it.
fn waited() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let some = text.lines().find(|line| line.starts_with("some"))?;
    let total = some.rsplit_once("total=")?.1.parse().ok()?;
    Some(Duration::from_micros(total))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = HEADS.map(|head| head.chars().count());
        for row in self.parts.iter().flat_map(|(_, rows)| rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |f: &mut fmt::Formatter<'_>, cells: [&str; 4]| {
            let [what, here, flux, limit] = widths;
            let text = format!(
                "  {:what$}  {:here$}  {:flux$}  {:limit$}",
                cells[0], cells[1], cells[2], cells[3]
            );
            writeln!(f, "{}", text.trim_end())
        };
        line(f, HEADS)?;
        for (heading, rows) in &self.parts {
            writeln!(f, "\n{heading}")?;
            for row in rows {
                line(f, row.each_ref().map(String::as_str))?;
            }
        }
        Ok(())
    }
}
