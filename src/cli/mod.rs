//! The command line: one file for each subcommand, and errors into words and exit codes.
//!
//! Exit codes: 0 done; 1 it failed, the message says why; 2 the command line or the configuration file is wrong, and
//! nothing was started.

mod holds;
mod identity;
mod images;
mod lift;
mod plan;
mod policy;
mod run;
mod set;
mod wake;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps a Kubernetes cluster equal to a git repository, and the repository up to date with the newest images in ECR.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What is logged, e.g. `info` or `info,tidegate::git=debug`
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,

    /// How it is logged, on standard error
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Identity(identity::Identity),
    Plan(plan::Plan),
    Holds(holds::Holds),
    Resume(lift::Resume),
    Release(lift::Release),
    Scan(wake::Scan),
    Sync(wake::Sync),
    Images(images::Images),
    Set(set::Set),
    Policy(policy::Policy),
}

/// Which configuration.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, env = "TIDEGATE_CONFIG", default_value = "tidegate.yaml", value_name = "FILE")]
    config: PathBuf,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Writes to standard output; a reader that has seen enough (`| head`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("standard output").into())
        }
        _ => Ok(()),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    print(format!("{text}\n").as_bytes())
}

/// Rows below each other, each column as wide as its widest cell; the last column is not padded.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
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

/// How a subcommand ended other than well.
#[derive(Debug)]
enum Failure {
    /// The user wrote something wrong; nothing was started.
    Usage(String),
    /// It was tried and failed.
    Failed(anyhow::Error),
    /// It was told already.
    Told,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// The configuration file is a few kilobytes; known_hosts in it may add some.
const LONGEST_CONFIG: u64 = 1024 * 1024;

impl ConfigFile {
    fn read(&self) -> Result<crate::config::Settings, Failure> {
        use std::io::Read;
        let name = self.config.display().to_string();
        let unreadable = |error: std::io::Error| {
            Failure::Usage(format!(
                "{name}: cannot be read: {error}; name the configuration file with --config FILE"
            ))
        };
        let mut text = String::new();
        let file = std::fs::File::open(&self.config).map_err(unreadable)?;
        file.take(LONGEST_CONFIG)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        crate::config::read(&name, &text).map_err(|error| Failure::Usage(error.to_string()))
    }
}

/// Reads the command line, runs the subcommand, and turns what came of it into an exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match cli.log_format {
        LogFormat::Text => crate::telemetry::LogFormat::Text,
        LogFormat::Json => crate::telemetry::LogFormat::Json,
    };
    if let Err(error) = crate::telemetry::init(format, &cli.log) {
        eprintln!("tidegate: --log {:?}: {error}", cli.log);
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tidegate: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Run(run) => run.run().await,
            Command::Identity(identity) => identity.run().await,
            Command::Plan(plan) => plan.run().await,
            Command::Holds(holds) => holds.run().await,
            Command::Resume(resume) => resume.run().await,
            Command::Release(release) => release.run().await,
            Command::Scan(scan) => scan.run().await,
            Command::Sync(sync) => sync.run().await,
            Command::Images(images) => images.run(),
            Command::Set(set) => set.run(),
            Command::Policy(policy) => policy.run(),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Failed(error)) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(message)) => {
            eprintln!("tidegate: {message}");
            ExitCode::from(2)
        }
    }
}
