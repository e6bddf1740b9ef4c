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

/// Prints JSON as it is.
pub(super) fn print_value(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("cannot write the JSON output")?;
    print(format!("{text}\n").as_bytes())
}

/// Formats rows as lines. Each column is as wide as its widest cell; the last column is not padded.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
