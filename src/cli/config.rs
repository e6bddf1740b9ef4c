use super::config_file;
use super::failure::Failure;
use super::output::{print, print_value};
use crate::config;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Check a configuration file, or print the schema of such files
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Schema(Schema),
}

/// Check a configuration file and list all its mistakes
///
/// Each mistake is listed with its line and key. The exit code is 0 for a file without mistakes and 2 for any other.
#[derive(Debug, Args)]
struct Check {
    /// Configuration file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Print the JSON schema of the configuration file
///
/// The schema has the type, the default and the meaning of each key. Editors use it to complete and check `tidegate.yaml`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate config schema > tidegate.schema.json")]
struct Schema {}

impl Config {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Check(check) => check.run(),
            // A JSON schema is no answer of the schema that `-o json` follows.
            Command::Schema(Schema {}) => print_value(&config::schema()),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), Failure> {
        config_file::read(&self.file, "name an existing file")?;
        print(format!("{} has no mistakes\n", self.file.display()).as_bytes())
    }
}
