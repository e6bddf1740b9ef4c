use super::error::Error;
use super::limits::Limits;
use super::process::{self, Output};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A program to run, with its arguments, environment, input and limits.
pub(crate) struct Program {
    name: &'static str,
    /// Where the program is; `None`: on the `PATH`.
    path: Option<PathBuf>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    input: Option<Vec<u8>>,
    shares_terminal: bool,
    cpu: Option<Duration>,
    limits: Limits,
}

impl Program {
    /// A program by its name on the `PATH`. Its environment is empty, its input closed.
    pub(crate) fn new(name: &'static str, limits: Limits) -> Self {
        Self {
            name,
            path: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
            input: None,
            shares_terminal: false,
            cpu: None,
            limits,
        }
    }

    /// The program at this path.
    pub(crate) fn at(self, path: &Path) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..self
        }
    }

    /// The most processor time of each process of the run: a program that computes without an end is killed before its deadline.
    pub(crate) fn limit_cpu(self, time: Duration) -> Self {
        Self {
            cpu: Some(time),
            ..self
        }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// The folder to run in, instead of Tidegate's own.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Passes on the variables of Tidegate's own environment whose names `is_passed` accepts.
    pub(crate) fn pass_env(mut self, is_passed: impl Fn(&str) -> bool) -> Self {
        let own = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&is_passed));
        self.environment.extend(own);
        self
    }

    /// Sets one variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The bytes that the program reads from its standard input.
    pub(crate) fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Some(bytes);
        self
    }

    /// Leaves the program in Tidegate's own process group, so that it may ask the person at the terminal (a passphrase, a
    /// touch of a key) and ends with Tidegate on Ctrl-C. At its deadline only the program is killed, and not the
    /// processes that it started. A process group of its own would be in the background, where the system stops a process that
    /// reads from the terminal.
    pub(crate) fn shares_terminal(mut self) -> Self {
        self.shares_terminal = true;
        self
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// The program does not start, or exceeds its time or output. A failure status is no error.
    pub(crate) async fn run(self) -> Result<Output, Error> {
        let (name, limits, has_own_group, cpu) = (self.name, self.limits, !self.shares_terminal, self.cpu);
        let (mut command, input) = self.command();
        let child = command.spawn().map_err(|source| Error::Start {
            program: name.to_owned(),
            source,
        })?;
        process::run(name, child, input, has_own_group, (limits, cpu)).await
    }

    fn command(self) -> (Command, Option<Vec<u8>>) {
        let mut command = match &self.path {
            Some(path) => Command::new(path),
            None => Command::new(self.name),
        };
        command.args(self.arguments).env_clear().envs(self.environment);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        if !self.shares_terminal {
            command.process_group(0);
        }
        (command, self.input)
    }
}
