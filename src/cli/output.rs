use super::failure::Failure;
use crate::status::Versioned;
use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use std::io::Write;

/// The format of a subcommand's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
}

/// Writes to standard output. A closed pipe (`| head`) is not a failure.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(anyhow::Error::new(error)
            .context("cannot write to standard output")
            .into()),
        _ => Ok(()),
    }
}

/// Prints a struct or a map as JSON, with the version of the schema.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_value(&Versioned::new(value))
}

/// Prints a struct or a map in the format that is asked for. `text` is its text for people.
pub(super) fn show(output: Output, text: &str, value: &impl Serialize) -> Result<(), Failure> {
    match output {
        Output::Text => print(text.as_bytes()),
        Output::Json => print_json(value),
    }
}

/// Prints JSON as it is.
pub(super) fn print_value(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("cannot write the JSON output")?;
    print(format!("{text}\n").as_bytes())
}
