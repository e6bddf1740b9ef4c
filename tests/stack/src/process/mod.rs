//! Child processes that cannot outlive their owner.
//!
//! A program is started behind a *guard*: a process of a few system calls that sits between the owner and the program,
//! made by forking once more before the program is executed, so that no binary has to be found. The guard adopts whatever
//! the program leaves behind (`PR_SET_CHILD_SUBREAPER`), reads a socket whose other end only the owner holds, and kills
//! everything below itself when that socket ends. The kernel closes the owner's end however the owner dies: return,
//! panic, abort or SIGKILL. Should somebody kill the guard instead, `PR_SET_PDEATHSIG` takes the program along.
//!
//! Both run in a session of their own, so a Ctrl-C on the terminal reaches the owner alone.
//!
//! Output goes to a log file; its tail is printed when a handle is dropped by a panicking test.

mod guard;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Lines of a log that a panicking test prints.
const TAIL_LINES: usize = 60;

/// How long an order to the guard may take. It kills with SIGKILL and needs milliseconds.
const GUARD_DEADLINE: Duration = Duration::from_secs(60);

/// A program stops within microseconds; a busy machine gets the rest.
const FREEZE_DEADLINE: Duration = Duration::from_secs(60);

/// A running program, its log file, and the guard that ends it with its owner.
pub struct Process {
    name: String,
    guard: Child,
    lifeline: UnixStream,
    pid: i32,
    log: PathBuf,
    exit: Option<i32>,
}

impl Process {
    /// Starts `command` with its output appended to the file `log`, standard input closed.
    ///
    /// `remove_if_orphaned` is a folder that the guard deletes when the owner dies without having dropped its handles.
    pub fn spawn(name: &str, mut command: Command, log: &Path, remove_if_orphaned: Option<&Path>) -> Result<Process> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open the log file {}", log.display()))?;
        let clone = file.try_clone().context("cannot share the log file")?;
        command.stdin(Stdio::null()).stdout(file).stderr(clone);
        let mut lifeline = guard::install(&mut command, remove_if_orphaned)?;
        let guard = command
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        drop(command);
        lifeline.set_read_timeout(Some(GUARD_DEADLINE))?;
        let mut pid = [0; 4];
        lifeline
            .read_exact(&mut pid)
            .with_context(|| format!("{name} ended before it began"))?;
        Ok(Process {
            name: name.to_owned(),
            guard,
            lifeline,
            pid: i32::from_le_bytes(pid),
            log: log.to_owned(),
            exit: None,
        })
    }

    /// The program's process id (not the guard's).
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The file that collects standard output and standard error.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything logged so far; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn log_text(&self) -> String {
        read_lossy(&self.log)
    }

    /// The exit code if the program has ended (128 + signal number if a signal ended it).
    pub fn exit_code(&mut self) -> Option<i32> {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.guard.try_wait()
        {
            self.exit = Some(status.code().unwrap_or(137));
        }
        self.exit
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        self.exit_code().is_none()
    }

    /// Checks a program that has not answered as it should yet. `last` is what it answered.
    ///
    /// # Errors
    /// The program has ended, or `until` is over. The message ends with the log.
    pub fn still_starting(&mut self, until: tokio::time::Instant, last: &str) -> Result<()> {
        if let Some(code) = self.exit_code() {
            bail!("{} ended with code {code}:\n{}", self.name, self.log_tail());
        }
        if tokio::time::Instant::now() >= until {
            bail!("{} is not ready in time ({last}):\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// Waits for the program to end; the exit code as in [`Process::exit_code`].
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub fn wait(&mut self, within: Duration) -> Result<i32> {
        if let Some(code) = self.exit {
            return Ok(code);
        }
        self.lifeline
            .set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
        match self.lifeline.read(&mut [0]) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                bail!("{} still runs after {within:?}", self.name)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error).context("the guard does not answer"),
        }
        let status = self.guard.wait().context("cannot wait for the guard")?;
        let code = status.code().unwrap_or(137);
        self.exit = Some(code);
        Ok(code)
    }

    /// The same without blocking the thread: for tests whose other parts run on the same async runtime.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub async fn exited(&mut self, within: Duration) -> Result<i32> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if let Some(code) = self.exit_code() {
                return Ok(code);
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("{} still runs after {within:?}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the log holds `text`; gives the log back.
    ///
    /// # Errors
    /// When the program ends before, or `within` passes; both with the log's tail.
    pub async fn logged(&mut self, text: &str, within: Duration) -> Result<String> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let ended = self.exit_code();
            let log = self.log_text();
            if log.contains(text) {
                return Ok(log);
            }
            if let Some(code) = ended {
                bail!(
                    "{} ended with code {code} before it logged {text:?}:\n{}",
                    self.name,
                    tail(&log)
                );
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("{} did not log {text:?} within {within:?}:\n{}", self.name, tail(&log));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal to the program itself (`libc::SIGTERM`, `SIGSTOP`, ...). Nothing happens when it has ended.
    pub fn signal(&mut self, signal: i32) {
        if self.is_running() {
            guard::signal(self.pid, signal);
        }
    }

    /// Stops the program (SIGSTOP), and waits until each of its threads has stopped: on a busy machine a thread goes on for a
    /// while after the signal. SIGCONT ends it.
    pub fn freeze(&mut self) {
        self.signal(libc::SIGSTOP);
        let deadline = Instant::now() + FREEZE_DEADLINE;
        while self.is_running() && !is_stopped(self.pid) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends SIGTERM to the program itself, as an operator or the kubelet does.
    pub fn terminate(&mut self) {
        self.signal(libc::SIGTERM);
    }

    /// Ends the program and everything that it started, at once, and waits until they are gone.
    pub fn kill(&mut self) {
        if self.is_running() {
            let _ = self.lifeline.write_all(&[guard::KILL]);
            if self.wait(GUARD_DEADLINE).is_err() {
                let _ = self.guard.kill();
                let _ = self.guard.wait();
            }
        }
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log_text())
    }

    /// Prints the log's tail to standard error, under a line with the program's name.
    pub fn print_log_tail(&self) {
        eprintln!("--- {}: end of {}\n{}", self.name, self.log.display(), self.log_tail());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.print_log_tail();
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("pid", &self.pid)
            .field("log", &self.log)
            .finish()
    }
}

/// The last lines of a text, as many as a panicking test prints.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(TAIL_LINES)..)
        .unwrap_or_default()
        .join("\n")
}

fn read_lossy(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether every thread of a process has stopped, by `/proc/<pid>/task/<thread>/stat` (proc(5)).
fn is_stopped(pid: i32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name of the program, in brackets, may hold blanks.
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'X', 'Z']))
    })
}

/// The memory of a process in KiB, by a line of its `/proc/<pid>/status`: `VmRSS`, `VmHWM` (the peak), `RssAnon`. `self` is a pid, too.
///
/// # Errors
/// The process is gone, or has no such line.
pub fn memory_kib(pid: impl std::fmt::Display, line: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let mut lines = status.lines();
    let text = lines.find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let number = text.and_then(|text| text.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("{path} has no number in {line}"))
}
