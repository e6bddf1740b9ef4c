use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, show};
use super::running_agent::{Asked, RunningAgent};
use crate::agent::{self, AgentConfig};
use crate::http::DiffCall;
use crate::model::CommitPrefix;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::IsTerminal as _;

/// Show field by field how the cluster differs from the config repo, and write nothing
///
/// Each declared object is read and applied as a dry run, so that the API server's defaults and webhooks count. Values of Secrets are
/// shown as hashes, keyed anew for each run. Asks the running agent if --server and --token-file name one, as in its own container;
/// otherwise the repository is cloned into a temporary folder.
///
/// Exit codes: 0 no difference, 1 something could not be compared or would be refused, 2 differences.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl -n tidegate exec deploy/tidegate -- tidegate diff
  tidegate diff --config tidegate.yaml --commit 0123456789abcdef0123456789abcdef01234567")]
pub(super) struct Diff {
    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    agent: RunningAgent,

    /// Commit to compare with, by its 40 digits. Default: the head of the branch
    #[arg(long, value_name = "COMMIT")]
    commit: Option<CommitPrefix>,

    /// When to use colour. `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    color: Color,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    fn is_on(self, no_color: bool) -> bool {
        match self {
            Self::Auto => std::io::stdout().is_terminal() && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl Diff {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let asked = self.agent.ask(&self.config, async |client, configuration| {
            let commit = self.commit.clone();
            client.diff(&DiffCall { configuration, commit }).await
        });
        let (has_errors, has_differences) = match asked.await? {
            Asked::Agent(report) => {
                self.show(&report.text, &report.diff)?;
                (!report.is_well, report.has_differences)
            }
            Asked::Here(settings) => {
                let diff = agent::diff(AgentConfig::new(*settings), self.commit.as_ref()).await?;
                self.show(&diff.to_string(), &diff)?;
                (!diff.failed.is_empty(), diff.has_differences())
            }
        };
        match (has_errors, has_differences) {
            (true, _) => Err(Failure::reported()),
            (false, true) => Err(Failure::differences()),
            (false, false) => Ok(()),
        }
    }

    fn show(&self, text: &str, diff: &impl Serialize) -> Result<(), Failure> {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color.is_on(no_color) {
            true => show(self.output, &coloured(text), diff),
            false => show(self.output, text, diff),
        }
    }
}

/// Green for what comes, red for what goes, yellow for what changes, bold for the names of objects that do.
fn coloured(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let code = match line.trim_start().chars().next() {
            Some('+') => "32",
            Some('-' | '!') => "31",
            Some('~') => "33",
            _ if line.ends_with(')') => "1",
            _ => "0",
        };
        out += &format!("\x1b[{code}m{line}\x1b[0m\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_colour_of_its_sign() {
        let text = "Deployment shop/web (web.yaml)\n  ~ spec.replicas: 1 -> 3\n- ConfigMap shop/old\n";
        let expected = "\x1b[1mDeployment shop/web (web.yaml)\x1b[0m\n\x1b[33m  ~ spec.replicas: 1 -> 3\x1b[0m\n\x1b[31m- ConfigMap shop/old\x1b[0m\n";
        assert_eq!(coloured(text), expected);
        assert!(Color::Always.is_on(true) && !Color::Never.is_on(false) && !Color::Auto.is_on(true));
    }
}
