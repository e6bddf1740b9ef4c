use crate::model::Printable;
use crate::program::{Error, Limits, Output, Program};
use std::time::Duration;

/// Variables that would have git look in another repository than the named one.
const REDIRECTING: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
];

/// Lists of references and refusals are kilobytes; a repository with a hundred thousand branches lists megabytes.
const MOST_OUTPUT: usize = 64 << 20;
/// How much of git's error output is shown, in characters.
const LONGEST_MESSAGE: usize = 2000;

/// The git program of the person who runs Tidegate, with that person's settings, keys and terminal.
///
/// The environment passes through, except for the variables that point to another repository: ssh, proxies and credential
/// helpers read variables that nobody can list. git needs no memory limit here, because the clone is the person's own.
pub(crate) fn git(time: Duration) -> Program {
    let limits = Limits {
        time,
        output: MOST_OUTPUT,
        memory: None,
    };
    Program::new("git", limits)
        .pass_env(|name| !REDIRECTING.contains(&name))
        .shares_terminal()
}

/// Runs git, and returns its standard output if it succeeds.
pub(crate) async fn run(git: Program) -> Result<Vec<u8>, Failure> {
    let Output { status, stdout, stderr } = git.run().await.map_err(Failure::Run)?;
    if status.success() {
        Ok(stdout)
    } else {
        Err(Failure::Status(stderr))
    }
}

/// git did not do what it was asked to.
pub(crate) enum Failure {
    /// git did not run to its end.
    Run(Error),
    /// git failed, with this error output.
    Status(Vec<u8>),
}

/// git's error output without control characters, cut after [`LONGEST_MESSAGE`].
pub(crate) fn message(stderr: &str) -> String {
    let plain = Printable::new(stderr.trim()).dropping().keeping_line_ends();
    plain.at_most(LONGEST_MESSAGE).to_string()
}
