use super::progress::Progress;
use super::wait::{End, wait};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, print};
use crate::cli::server::{Server, show};
use crate::cli::status::short;
use crate::model::Printable;
use clap::Args;
use std::time::Duration;

/// Make the running agent fetch and apply the config repo now, and wait until it is done
///
/// With --wait the command ends when every object of the commit is ready, in every target, or cannot become so: a rollout exceeds
/// its deadline, its pods crash, a Job fails, an object is refused. Meanwhile standard error shows what is not ready, and why.
///
/// Exit codes: 0 done (with --wait: healthy), 1 something failed, 2 the command line is wrong, 4 --timeout is up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl -n tidegate exec deploy/tidegate -- tidegate sync --wait
  tidegate sync --wait --timeout 15m --server http://127.0.0.1:8080 --token-file token")]
pub(in crate::cli) struct Sync {
    #[command(flatten)]
    server: Server,

    /// Wait until the commit is healthy, or cannot become so
    #[arg(long)]
    wait: bool,

    /// How long to wait for health, as in `90s`, `15m` or `1h` [default: as long as it takes]
    #[arg(long, requires = "wait", value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

/// Reads `90s`, `15m`, `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 90s, 15m or 1h".to_owned();
    let span: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    let time = Duration::try_from(span).map_err(|_| expected())?;
    if time.is_zero() { Err(expected()) } else { Ok(time) }
}

impl Sync {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let client = self.server.client().await?;
        let shown = show(client.sync().await, self.output);
        if !self.wait {
            return shown;
        }
        // What the pass could not do is a part of what the wait reports.
        shown.or_else(Failure::unless_reported)?;
        let end = wait(&client, self.timeout, &mut Progress::new()).await?;
        match end {
            End::Healthy { commit } => self.say(&format!("commit {} is healthy\n", short(&commit))),
            End::Failed { reasons } => {
                self.say(&lines("not healthy", &reasons))?;
                Err(Failure::reported())
            }
            End::TimedOut { reasons } => {
                self.say(&lines("not healthy yet", &reasons))?;
                Err(Failure::timed_out())
            }
        }
    }

    /// The JSON is the pass's report, and the exit code says the rest.
    fn say(&self, text: &str) -> Result<(), Failure> {
        match self.output {
            Output::Text => print(text.as_bytes()),
            Output::Json => {
                eprint!("{text}");
                Ok(())
            }
        }
    }
}

fn lines(title: &str, reasons: &[String]) -> String {
    let mut text = format!("{title}\n");
    for reason in reasons {
        text += &format!("  {}\n", Printable::new(reason).with_blanks().uncut());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_line_that_does_not_steer_the_terminal() {
        let reasons = ["web.yaml: it\ncrashes".to_owned(), "\x1b[2Jgone".to_owned()];
        assert_eq!(
            lines("not healthy", &reasons),
            "not healthy\n  web.yaml: it crashes\n   [2Jgone\n"
        );
    }
}
