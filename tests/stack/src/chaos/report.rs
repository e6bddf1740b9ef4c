//! What a run is asked for, and what it answers.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The built agent.
    pub program: PathBuf,
    /// The seed of the first world; the next ones follow from it.
    pub seed: u64,
    /// No world begins after so long.
    pub time: Duration,
    /// How long a failing list of operations is shortened.
    pub shrinking: Duration,
    /// A list of operations to carry out in place of the seed's.
    pub replay: Option<String>,
    /// Whether there is helm, and people work with HelmReleases. Such worlds take longer.
    pub has_helm: bool,
    /// Where a failing world leaves its logs.
    pub logs: PathBuf,
    /// Prints each operation.
    pub is_verbose: bool,
}

/// The figures of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Worlds that ended without a violation.
    pub worlds: u64,
    /// Operations that were carried out. Those without an object are not counted.
    pub operations: u64,
    /// Judgements.
    pub judgements: u64,
    /// Agents that were killed.
    pub kills: u64,
    /// The most memory that an agent has taken, in KiB.
    pub peak_kib: u64,
    /// Commits of the agent.
    pub bumps: u64,
    /// How long all that took.
    pub time: Duration,
    /// The violation that ended the run.
    pub failure: Option<Failure>,
}

/// A violation, and how to see it again.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed of the world.
    pub seed: u64,
    /// The rule that was violated.
    pub rule: String,
    /// How it was violated.
    pub text: String,
    /// The shortest list of operations that was seen to fail, a burst a line.
    pub operations: String,
    /// What was done in the last burst, with the times.
    pub burst: Vec<String>,
    /// The end of the agent's log.
    pub log: Vec<String>,
    /// The folder with the journal and the logs.
    pub logs: PathBuf,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            worlds,
            operations,
            judgements,
            kills,
            peak_kib,
            bumps,
            time,
            failure,
        } = self;
        write!(
            f,
            "{worlds} worlds, {operations} operations, {judgements} judgements, {kills} kills, {bumps} bumps, at most {} MiB in {:.1} minutes",
            peak_kib / 1024,
            time.as_secs_f64() / 60.0
        )?;
        let Some(failure) = failure else {
            return write!(f, ": no violation");
        };
        write!(f, "\n{failure}")
    }
}

/// What matters most stands last: a CI keeps only parts of a long output, and its end.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "operations:\n{}logs: {}", self.operations, self.logs.display())?;
        writeln!(f, "the last burst:")?;
        for line in end_of(&self.burst, BURST_LINES) {
            writeln!(f, "  {}", short(line, LINE))?;
        }
        writeln!(f, "the end of the agent's log:")?;
        for line in end_of(&self.log, LOG_LINES) {
            writeln!(f, "  {}", short(line, LINE))?;
        }
        write!(
            f,
            "VIOLATION in the world of seed {}: {}: {}",
            self.seed,
            self.rule,
            short(&self.text, TEXT)
        )
    }
}

/// Shown lines of the last burst: as many as a burst has, and one for the rest after it.
const BURST_LINES: usize = 25;
/// Shown lines of the agent's log.
pub(super) const LOG_LINES: usize = 15;
/// The most characters of a line.
const LINE: usize = 400;
/// The most characters of the text of a violation.
const TEXT: usize = 2000;

/// The last lines, at most `most` of them.
fn end_of(lines: &[String], most: usize) -> &[String] {
    &lines[lines.len().saturating_sub(most)..]
}

/// A text of at most so many characters, without its middle if it is longer.
fn short(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let part = most / 2;
    let begin: String = text.chars().take(part).collect();
    let end: String = text.chars().skip(count - part).collect();
    format!("{begin} […] {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_with_the_log_the_seed_and_the_rule_and_is_short() {
        let lines = |name: &str| {
            (0..500)
                .map(|number| format!("{name} {number} {}", "x".repeat(3000)))
                .collect()
        };
        let failure = Failure {
            seed: 7,
            rule: "all channels agree".to_owned(),
            text: format!("begin {} end", "ä".repeat(90_000)),
            operations: "git-edit:1:2\n".to_owned(),
            burst: lines("burst"),
            log: lines("log"),
            logs: PathBuf::from("logs"),
        };
        let text = Report {
            failure: Some(failure),
            ..Report::default()
        }
        .to_string();
        assert!(text.chars().count() < 20_000, "{}", text.chars().count());
        let end: Vec<&str> = text.lines().rev().take(LOG_LINES + 2).collect();
        assert!(end[0].starts_with("VIOLATION in the world of seed 7: all channels agree: begin ä"));
        assert!(end[0].ends_with("ä end"));
        assert!(end[1].starts_with("  log 499 ") && end[LOG_LINES].starts_with("  log 485 "));
        assert_eq!(end[LOG_LINES + 1], "the end of the agent's log:");
    }
}
