use std::fmt;
use std::process::ExitCode;

/// Why a subcommand did not end well.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
    hint: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The command line or the configuration file is wrong; nothing was started. Exit code 2.
    Usage,
    /// The subcommand tried and failed. Exit code 1.
    Failed,
    /// The subcommand's own output says what failed. Exit code 1.
    Reported,
    /// All went well, and there is something to do. Exit code 3.
    Changes,
    /// The time that the caller gave is up. Exit code 4.
    TimedOut,
    /// All went well, and something differs. Exit code 2.
    Differences,
}

impl Failure {
    /// The command line or the configuration file is wrong.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Usage,
            message: message.to_string(),
            hint: None,
        }
    }

    /// The output that was printed already says what failed.
    pub(super) fn reported() -> Self {
        Self {
            kind: Kind::Reported,
            message: String::new(),
            hint: None,
        }
    }

    /// Nothing failed; the exit code says that there is something to do.
    pub(super) fn changes() -> Self {
        Self {
            kind: Kind::Changes,
            ..Self::reported()
        }
    }

    /// The subcommand's own output says what was still awaited when its time was up.
    pub(super) fn timed_out() -> Self {
        Self {
            kind: Kind::TimedOut,
            ..Self::reported()
        }
    }

    /// Nothing failed; the exit code says that something differs.
    pub(super) fn differences() -> Self {
        Self {
            kind: Kind::Differences,
            ..Self::reported()
        }
    }

    /// Success, if the failure is one that the output already says: what follows decides.
    pub(super) fn unless_reported(self) -> Result<(), Self> {
        match self.kind {
            Kind::Reported => Ok(()),
            _ => Err(self),
        }
    }

    /// Adds what the user can do, on a line of its own.
    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// Prints the message to standard error.
    pub(super) fn print(&self) {
        if !matches!(
            self.kind,
            Kind::Reported | Kind::Changes | Kind::TimedOut | Kind::Differences
        ) {
            eprintln!("tidegate: {}", self.message);
        }
        if let Some(hint) = self.hint {
            eprintln!("hint: {hint}");
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Failed | Kind::Reported => ExitCode::FAILURE,
            Kind::Usage | Kind::Differences => ExitCode::from(2),
            Kind::Changes => ExitCode::from(3),
            Kind::TimedOut => ExitCode::from(4),
        }
    }
}

impl From<anyhow::Error> for Failure {
    /// The message is the error and its causes, in one line.
    fn from(error: anyhow::Error) -> Self {
        Self {
            kind: Kind::Failed,
            message: format!("{error:#}"),
            hint: None,
        }
    }
}
