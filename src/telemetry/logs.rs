use super::log_writer::LogWriter;
use std::io::IsTerminal;
use std::str::FromStr;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object for each line. The fields of the event are at the top level.
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

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The format is unknown.
    #[error("unknown log format {text:?}: expected text or json")]
    Format {
        /// The given text.
        text: String,
    },
    /// The filter does not parse.
    #[error("invalid log filter {text:?}: expected a level (error, warn, info, debug, trace) or target=level pairs")]
    Filter {
        /// The given text.
        text: String,
        /// The error of the parser.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logs were set up before.
    #[error("logs are already set up")]
    Twice,
}

/// Crates that log headers or bodies of requests, and thus credentials, below WARN. Their events below WARN are dropped.
/// All events of kube_client and kube_runtime are dropped: they return the same errors, and the agent logs an error once, where
/// it handles the error.
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
/// The filter has the syntax of `RUST_LOG`. Regardless of the filter, crates that would log credentials are logged only at
/// WARN and above.
///
/// # Errors
/// When the filter does not parse, or logs are already set up.
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let levels = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(filter)
        .map_err(|source| LogError::Filter {
            text: filter.into(),
            source,
        })?;
    let open = filter_fn(|event| is_open(event.target(), *event.level()));
    let colours = std::io::stderr().is_terminal();
    let lines = match format {
        LogFormat::Text => fmt::layer()
            .with_writer(LogWriter { colours })
            .with_ansi(colours)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(LogWriter { colours: false })
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(levels)
        .with(lines.with_filter(open))
        .try_init()
        .map_err(|_| LogError::Twice)
}

fn is_open(target: &str, level: tracing::Level) -> bool {
    if target.starts_with("kube_client") || target.starts_with("kube_runtime") {
        return false;
    }
    level <= tracing::Level::WARN || !LIMITED.iter().any(|start| target.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn the_formats_are_text_and_json() {
        assert_eq!("text".parse::<LogFormat>().unwrap(), LogFormat::Text);
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        let error = "yaml".parse::<LogFormat>().unwrap_err().to_string();
        assert!(error.contains("text or json"), "{error}");
    }

    #[test]
    fn an_invalid_filter_is_in_the_error() {
        let error = init(LogFormat::Text, "tidegate=loud").unwrap_err().to_string();
        assert!(error.contains("tidegate=loud") && error.contains("debug"), "{error}");
    }

    #[test]
    fn crates_that_log_credentials_are_logged_only_at_warn_and_above() {
        for (target, level, open) in [
            ("tidegate::registry", Level::TRACE, true),
            ("aws_smithy_runtime::client", Level::DEBUG, false),
            ("aws_smithy_runtime::client", Level::WARN, true),
            ("hyper_util::client", Level::INFO, false),
            ("kube_runtime::watcher", Level::WARN, false),
            ("kube_client::client", Level::ERROR, false),
            ("russh::client", Level::TRACE, false),
        ] {
            assert_eq!(is_open(target, level), open, "{target} {level}");
        }
    }
}
