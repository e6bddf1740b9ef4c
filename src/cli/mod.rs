//! The command line: one file for each subcommand.
//!
//! A command about the config repo asks a running agent that is named (`running_agent`), so that no second clone takes the pod's disk
//! and memory, and does the work itself otherwise.
//!
//! A subcommand is a clap struct whose doc comment is its help, and a `run` that returns a `Failure` or
//! nothing. `failure` alone turns errors into messages, hints and exit codes: 0 done; 1 failed; 2 the command line or the
//! configuration file is wrong, and nothing was started; 3 there is something to do (`plan --exit-code`).

mod config;
mod config_file;
mod confirm;
mod diff;
mod doctor;
mod failure;
mod holds;
mod identity;
mod images;
mod lift;
mod notify;
mod object_name;
mod output;
mod plan;
mod policy_test;
mod program;
mod release;
mod resume;
mod run;
mod running_agent;
mod scan;
mod server;
mod set_image;
mod status;
mod sync;
mod version;
mod why;

pub use program::main;
