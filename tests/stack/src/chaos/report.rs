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
    /// What was violated and how.
    pub text: String,
    /// The shortest list of operations that was seen to fail, a burst a line.
    pub operations: String,
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
        write!(
            f,
            "\nVIOLATION in the world of seed {}: {}\noperations:\n{}logs: {}",
            failure.seed,
            failure.text,
            failure.operations,
            failure.logs.display()
        )
    }
}
