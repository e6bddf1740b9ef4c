//! `make chaos`: people, controllers, a registry and misfortune on real parts around the built agent.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use tidegate_stack::chaos::{Options, Report, run};

/// Runs seeded worlds around the built `tidegate` until time is up or an invariant is violated.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long to begin new worlds
    #[arg(long, default_value = "10")]
    minutes: f64,
    /// Seed of the first world; without one, a fresh seed
    #[arg(long)]
    seed: Option<u64>,
    /// Minutes in which a failing list of operations is shortened
    #[arg(long, default_value = "5")]
    shrink: f64,
    /// File with operations to carry out in place of a seed's
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Folder for the logs of a failure
    #[arg(long, default_value = "target/chaos")]
    logs: PathBuf,
    /// Program of the agent; without one, `tidegate` beside this program
    #[arg(long)]
    program: Option<PathBuf>,
    /// Leave HelmReleases out, as the tests do
    #[arg(long)]
    no_helm: bool,
    /// Print each operation
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(report.failure.is_some()))
        }
        Err(error) => {
            eprintln!("chaos could not go on: {error:?}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: Arguments) -> Result<Report> {
    let seed = arguments.seed.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.unwrap_or_default().as_secs() % 1_000_000
    });
    println!("seed {seed}");
    let program = match arguments.program {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("tidegate"),
    };
    anyhow::ensure!(
        program.is_file(),
        "{} is not built: run `make chaos`",
        program.display()
    );
    let replay = match &arguments.replay {
        Some(file) => Some(std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?),
        None => None,
    };
    let options = Options {
        program,
        seed,
        time: Duration::from_secs_f64(arguments.minutes * 60.0),
        shrinking: Duration::from_secs_f64(arguments.shrink * 60.0),
        replay,
        has_helm: !arguments.no_helm,
        logs: arguments.logs,
        is_verbose: arguments.verbose,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}
