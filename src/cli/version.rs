use super::failure::Failure;
use super::output::{Output, print, print_json};
use clap::Args;
use serde::Serialize;

/// Show the version of this program
#[derive(Debug, Args)]
pub(super) struct Version {
    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

#[derive(Serialize)]
struct Answer {
    program: &'static str,
}

impl Version {
    pub(super) fn run(self) -> Result<(), Failure> {
        let program = env!("CARGO_PKG_VERSION");
        match self.output {
            Output::Json => print_json(&Answer { program }),
            Output::Text => print(format!("tidegate {program}\n").as_bytes()),
        }
    }
}
