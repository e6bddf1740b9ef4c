//! Child processes: one builder for every program that Tidegate starts.
//!
//! A [`Program`] says what runs, with which environment, input and [`Limits`]; [`Program::run`] runs the program to its end
//! and returns its [`Output`]. Parsers take the bytes of the output and stay pure. The builder is modelled on jj's
//! `create_command` (`lib/src/git_subprocess.rs`).
//!
//! What holds:
//! - The environment is empty but for the variables that the caller passes or sets.
//! - Standard input is closed unless the caller gives bytes.
//! - Every run has a deadline, and a bound on standard output and standard error. A program that exceeds either is killed
//!   with its whole process group. The same happens when the future is dropped.
//! - A memory limit holds for each process of the run (Linux).
//!
//! Deliberately absent: shells, pipelines, and what a program's output means.

mod asked;
mod command;
mod core_dumps;
mod error;
mod find;
mod limits;
mod process;
#[cfg(test)]
mod tests;

pub(crate) use asked::{Unfit, ask_version};
pub(crate) use command::Program;
pub(crate) use core_dumps::forbid_core_dumps;
pub(crate) use error::Error;
pub(crate) use find::find;
pub(crate) use limits::Limits;
pub(crate) use process::Output;
