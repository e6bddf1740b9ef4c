//! One running child process: its limits, its pipes and its end.

use super::error::Error;
use super::limits::Limits;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

/// What a program has written, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The exit status, which may be that of a failure.
    pub status: ExitStatus,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
}

/// Feeds the child its input, reads both of its outputs to their end and waits for its exit status, within the limits.
pub(super) async fn run(
    program: &str,
    child: Child,
    input: Option<Vec<u8>>,
    has_own_group: bool,
    (limits, cpu): (Limits, Option<Duration>),
) -> Result<Output, Error> {
    // Dropped on each way out of this function, and with the future.
    let mut running = Running {
        group: child.id().and_then(pid).filter(|_| has_own_group),
        child,
    };
    limit_memory(program, &running.child, limits.memory)?;
    limit_cpu(program, &running.child, cpu)?;
    let finished = tokio::time::timeout(limits.time, running.finish(program, input, limits.output));
    finished.await.unwrap_or_else(|_| {
        Err(Error::TimedOut {
            program: program.to_owned(),
            limit: limits.time,
        })
    })
}

/// A child whose process group is killed unless it has finished.
struct Running {
    child: Child,
    /// `None` once the child has finished, or if it has no group of its own.
    group: Option<Pid>,
}

impl Running {
    /// Reads to the end of both outputs before waiting. As long as nobody has waited for the child, its process id is taken,
    /// so that the kill in `drop` cannot meet the group of a stranger.
    async fn finish(&mut self, program: &str, input: Option<Vec<u8>>, limit: usize) -> Result<Output, Error> {
        let (stdin, stdout, stderr) = (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        );
        let feed = async {
            feed(stdin, input.unwrap_or_default()).await;
            Ok(())
        };
        let ((), stdout, stderr) = tokio::try_join!(
            feed,
            read(program, stdout, "standard output", limit),
            read(program, stderr, "standard error", limit),
        )?;
        let status = self.child.wait().await.map_err(|source| Error::Read {
            program: program.to_owned(),
            source,
        })?;
        // What a finished program leaves running in the background, for example git's maintenance, goes on.
        self.group = None;
        Ok(Output { status, stdout, stderr })
    }
}

impl Drop for Running {
    /// Kills what the child has started. `kill_on_drop` kills the child itself.
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A program may end without reading all of its input; its status then shows the outcome.
async fn feed(stdin: Option<ChildStdin>, bytes: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&bytes).await;
    }
}

async fn read(
    program: &str,
    pipe: Option<impl AsyncRead + Unpin>,
    stream: &'static str,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok(bytes) };
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = pipe.take(one_more).read_to_end(&mut bytes).await;
    read.map_err(|source| Error::Read {
        program: program.to_owned(),
        source,
    })?;
    if bytes.len() > limit {
        return Err(Error::TooMuchOutput {
            program: program.to_owned(),
            stream,
            limit,
        });
    }
    Ok(bytes)
}

/// Limits the memory of a child that has just started, with `prlimit(2)` through rustix. The call acts from outside and works
/// without unsafe code. The image contains no shell and no `prlimit(1)` that could set the limit before the start. The child
/// runs without its limit for the first microseconds, while it loads its own code and has not read any input.
#[cfg(target_os = "linux")]
fn limit_memory(program: &str, child: &Child, limit: Option<u64>) -> Result<(), Error> {
    set_limit(program, child, rustix::process::Resource::Data, limit)
}

#[cfg(target_os = "linux")]
fn limit_cpu(program: &str, child: &Child, limit: Option<Duration>) -> Result<(), Error> {
    let seconds = limit.map(|limit| limit.as_secs().max(1));
    set_limit(program, child, rustix::process::Resource::Cpu, seconds)
}

#[cfg(target_os = "linux")]
fn set_limit(
    program: &str,
    child: &Child,
    resource: rustix::process::Resource,
    limit: Option<u64>,
) -> Result<(), Error> {
    use rustix::process::{Rlimit, prlimit};
    let (Some(limit), Some(pid)) = (limit, child.id().and_then(pid)) else {
        return Ok(());
    };
    let both = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    match prlimit(Some(pid), resource, both) {
        Ok(_) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Error::Limit {
            program: program.to_owned(),
            source: io::Error::from(error),
        }),
    }
}

/// Other systems have no call that limits another process.
#[cfg(not(target_os = "linux"))]
fn limit_memory(_: &str, _: &Child, _: Option<u64>) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit_cpu(_: &str, _: &Child, _: Option<Duration>) -> Result<(), Error> {
    Ok(())
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
