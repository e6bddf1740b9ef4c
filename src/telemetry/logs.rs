use std::io::IsTerminal;
use std::str::FromStr;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// What is logged where nobody says otherwise.
pub const DEFAULT_FILTER: &str = "info";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object each line, its fields at the top.
    Json,
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format { text: text.into() }),
        }
    }
}

/// Logs cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// An unknown format.
    #[error("{text:?} is not a log format: text or json is wanted")]
    Format {
        /// As given.
        text: String,
    },
    /// A filter that does not parse.
    #[error("{text:?} is not a log filter: a level (error, warn, info, debug, trace) or target=level pairs are wanted")]
    Filter {
        /// As given.
        text: String,
        /// What the parser says.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logs have been set up before.
    #[error("logs are set up already")]
    Twice,
}

/// Crates that write headers or bodies of requests, and with them credentials, at their finer levels. kube_client is not
/// heard at all: what it has to say comes back as an error and is told once, where it is handled.
const LIMITED: [&str; 9] = [
    "aws_",
    "h2",
    "hyper",
    "kube_client",
    "reqwest",
    "russh",
    "rustls",
    "ssh_",
    "tower",
];

/// Sends logs to stderr, for the whole process.
///
/// The filter has the syntax of `RUST_LOG`. Whatever it says, the crates that would log credentials are heard only from
/// WARN up.
///
/// # Errors
/// When the filter does not parse, or logs are set up already.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let levels = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(filter)
        .map_err(|source| LogError::Filter {
            text: filter.into(),
            source,
        })?;
    let open = filter_fn(|event| is_open(event.target(), *event.level()));
    let lines = match format {
        LogFormat::Text => fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(levels)
        .with(lines.with_filter(open))
        .try_init()
        .map_err(|_| LogError::Twice)
}

fn is_open(target: &str, level: tracing::Level) -> bool {
    if target.starts_with("kube_client") {
        return false;
    }
    level <= tracing::Level::WARN || !LIMITED.iter().any(|start| target.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn formats_are_text_and_json() {
        assert_eq!("text".parse::<LogFormat>().unwrap(), LogFormat::Text);
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        let error = "yaml".parse::<LogFormat>().unwrap_err().to_string();
        assert!(error.contains("text or json"), "{error}");
    }

    #[test]
    fn a_filter_that_does_not_parse_is_named() {
        let error = init(LogFormat::Text, "tidegate=loud").unwrap_err().to_string();
        assert!(error.contains("tidegate=loud") && error.contains("debug"), "{error}");
    }

    #[test]
    fn crates_that_log_credentials_are_heard_from_warn_up_only() {
        for (target, level, open) in [
            ("tidegate::registry", Level::TRACE, true),
            ("aws_smithy_runtime::client", Level::DEBUG, false),
            ("aws_smithy_runtime::client", Level::WARN, true),
            ("hyper_util::client", Level::INFO, false),
            ("russh::client", Level::TRACE, false),
        ] {
            assert_eq!(is_open(target, level), open, "{target} {level}");
        }
    }
}
