use super::config::Config;
use super::confirm::Confirm;
use super::diff::Diff;
use super::doctor::Doctor;
use super::failure::Failure;
use super::holds::Holds;
use super::identity::Identity;
use super::images::Images;
use super::notify::Notify;
use super::plan::Plan;
use super::policy_test::Policy;
use super::release::Release;
use super::resume::Resume;
use super::run::Run;
use super::scan::Scan;
use super::set_image::Set;
use super::status::Status;
use super::sync::Sync;
use super::version::Version;
use super::why::Why;
use crate::telemetry;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::process::ExitCode;
use std::time::Duration;

/// Keeps a Kubernetes cluster equal to a git repository, and the repository up to date with the newest images in ECR.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 100, after_help = LOGGING)]
struct Program {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    logging: Logging,
}

/// Every command takes these options, at any position. The help of the program names them in [`LOGGING`]; on the page of each
/// command they would only repeat that.
#[derive(Debug, Args)]
struct Logging {
    /// What to log
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_LOG",
        default_value = "info",
        value_name = "FILTER",
        hide = true
    )]
    log: String,

    /// Log format
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT",
        hide = true
    )]
    log_format: LogFormat,
}

const LOGGING: &str = "Logging on standard error, for every command:
      --log <FILTER>         `info,tidegate::git=debug` [default: info] [env: TIDEGATE_LOG]
      --log-format <FORMAT>  `text` or `json` [default: text] [env: TIDEGATE_LOG_FORMAT]";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Status(Status),
    Identity(Identity),
    Plan(Plan),
    Diff(Diff),
    Why(Why),
    Doctor(Doctor),
    Notify(Notify),
    Holds(Holds),
    Resume(Resume),
    Confirm(Confirm),
    Release(Release),
    Scan(Scan),
    Sync(Sync),
    Images(Images),
    Set(Set),
    Policy(Policy),
    Config(Config),
    Version(Version),
}

/// Reads the command line, runs the subcommand, and returns the exit code.
pub fn main() -> ExitCode {
    let program = Program::parse();
    match program.logging.start().and_then(|()| program.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

impl Logging {
    fn start(&self) -> Result<(), Failure> {
        let format = match self.log_format {
            LogFormat::Text => telemetry::LogFormat::Text,
            LogFormat::Json => telemetry::LogFormat::Json,
        };
        telemetry::init(format, &self.log).map_err(|error| Failure::usage(format!("--log {:?}: {error}", self.log)))
    }
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| anyhow::Error::new(error).context("cannot start"))?;
        let ended = runtime.block_on(async {
            match self {
                Self::Run(run) => run.run().await,
                Self::Status(status) => status.run().await,
                Self::Identity(identity) => identity.run().await,
                Self::Plan(plan) => plan.run().await,
                Self::Diff(diff) => diff.run().await,
                Self::Why(why) => why.run().await,
                Self::Doctor(doctor) => doctor.run().await,
                Self::Notify(notify) => notify.run().await,
                Self::Holds(holds) => holds.run().await,
                Self::Confirm(confirm) => confirm.run().await,
                Self::Resume(resume) => resume.run().await,
                Self::Release(release) => release.run().await,
                Self::Scan(scan) => scan.run().await,
                Self::Sync(sync) => sync.run().await,
                Self::Images(images) => images.run(),
                Self::Set(set) => set.run(),
                Self::Policy(policy) => policy.run(),
                Self::Config(config) => config.run(),
                Self::Version(version) => version.run(),
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
    }
}
