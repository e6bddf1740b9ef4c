//! libgit2's "ssh" transport, over our own [`Wire`].
//!
//! libgit2 knows one transport for each scheme in the whole process, and calls it on the thread that fetches. Which
//! repository it is for is told by a thread-local that [`run`] sets around each call, so that any number of repositories
//! can be open, each with its own key, host keys and deadlines. libgit2 reads and writes by blocking; the bytes come from
//! the async runtime that the repository was opened on. The first real error is kept beside the call: libgit2 would
//! flatten it into a text. Pushes do not come this way.

use super::error::Error;
use super::ssh::{Exec, Wire, locked};
use super::words::{self, Refusal};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Repositories of configuration are megabytes; this much means that it is not one.
const MOST_BYTES: u64 = 8 << 30;
/// How long the server may go on with hooks and housekeeping after we have our answer.
const AFTERWARDS: Duration = Duration::from_secs(120);

#[derive(Clone)]
struct Call {
    wire: Arc<Wire>,
    runtime: Handle,
    until: Instant,
    failure: Arc<Mutex<Option<Error>>>,
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Registers the transport, once for the process, and cuts libgit2 off from the machine's git configuration: a
/// `url.*.insteadOf` there could send us elsewhere.
pub(super) fn register() -> Result<(), Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        #[expect(
            unsafe_code,
            reason = "process-wide settings of libgit2; the OnceLock makes this the only call"
        )]
        let registered = unsafe {
            use git2::ConfigLevel::{Global, ProgramData, System, XDG};
            [ProgramData, System, XDG, Global]
                .into_iter()
                .try_for_each(|level| git2::opts::set_search_path(level, ""))
                .and_then(|()| git2::transport::register("ssh", |remote| Transport::smart(remote, false, Ssh::here()?)))
        };
        registered.map_err(|error| error.message().to_owned())
    });
    done.clone().map_err(|message| Error::Git {
        doing: "register the SSH transport",
        source: git2::Error::from_str(&message),
    })
}

/// Runs libgit2 calls that fetch, within a time limit.
pub(super) fn run<T>(
    wire: &Arc<Wire>,
    runtime: &Handle,
    limit: Duration,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, Error> {
    let failure = Arc::new(Mutex::new(None));
    let until = Instant::now() + limit;
    let call = Call {
        wire: Arc::clone(wire),
        runtime: runtime.clone(),
        until,
        failure: Arc::clone(&failure),
    };
    CALL.with_borrow_mut(|slot| *slot = Some(call));
    let result = work();
    CALL.with_borrow_mut(|slot| *slot = None);
    result.map_err(|source| {
        let kept = locked(&failure).take();
        kept.unwrap_or_else(|| match source.message().strip_prefix("remote error: ") {
            Some(said) => refused(wire, &words::scrub(said.as_bytes()), false),
            None => Error::Git { doing, source },
        })
    })
}

/// What a command that ended early means.
pub(super) fn refused(wire: &Wire, said: &str, writing: bool) -> Error {
    let kind = words::meaning(said, writing);
    let meaning = match kind {
        Refusal::NoRepository => "there is no such repository, or not for our key; check repo.url and the deploy key",
        Refusal::NoWrite => "the deploy key may read but not write; give it write access",
        Refusal::Other => "the server ended the command",
    };
    Error::Remote {
        url: wire.url.to_string(),
        meaning,
        kind,
        words: said.to_owned(),
    }
}

struct Ssh {
    call: Call,
}

impl Ssh {
    fn here() -> Result<Self, git2::Error> {
        let call = CALL.with_borrow(Clone::clone);
        call.map(|call| Self { call })
            .ok_or_else(|| git2::Error::from_str("the SSH transport was used outside of a call"))
    }
}

impl SmartSubtransport for Ssh {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        if matches!(action, Service::ReceivePackLs | Service::ReceivePack) {
            return Err(git2::Error::from_str("pushes do not go through libgit2"));
        }
        let command = format!("git-upload-pack {}", self.call.wire.url.quoted_path());
        match self.call.runtime.block_on(self.call.wire.exec(&command)) {
            Ok(exec) => Ok(Box::new(Stream::new(self.call.clone(), exec, command))),
            Err(error) => {
                let text = error.to_string();
                self.call.keep(error);
                Err(git2::Error::from_str(&text))
            }
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

impl Call {
    /// The first failure is the cause, later ones are its consequences.
    fn keep(&self, error: Error) {
        locked(&self.failure).get_or_insert(error);
    }
}

struct Stream {
    call: Call,
    exec: Option<Exec>,
    command: String,
    /// What was written before the server answered at all: sent again if its connection turns out to be dead.
    unanswered: Vec<u8>,
    chunk: Vec<u8>,
    at: usize,
    received: u64,
}

impl Stream {
    fn new(call: Call, exec: Exec, command: String) -> Self {
        Self {
            call,
            exec: Some(exec),
            command,
            unanswered: Vec::new(),
            chunk: Vec::new(),
            at: 0,
            received: 0,
        }
    }

    fn fail(&self, error: Error) -> io::Error {
        if matches!(
            error,
            Error::Silent { .. } | Error::Overdue { .. } | Error::Broken { .. } | Error::Remote { .. }
        ) {
            self.call.runtime.block_on(self.call.wire.hang_up());
        }
        let text = error.to_string();
        self.call.keep(error);
        io::Error::other(text.replace('\0', ""))
    }

    /// The next bytes for libgit2, which reads only while it needs more.
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        let Some(bytes) = self.receive()? else {
            let said = self.exec.as_ref().map(Exec::words).unwrap_or_default();
            return Err(refused(&self.call.wire, &said, false));
        };
        self.received += bytes.len() as u64;
        self.call
            .wire
            .counts
            .received
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if self.received > MOST_BYTES {
            return Err(Error::Protocol {
                place: self.call.wire.url.place(),
                rule: "it is more than 8 GiB",
            });
        }
        Ok(bytes)
    }

    fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(exec) = &mut self.exec else { return Ok(None) };
        let read = self.call.runtime.block_on(exec.read(self.call.until));
        if exec.answered {
            self.unanswered.clear();
        }
        if !exec.is_dead_from_the_start() || matches!(read, Ok(Some(_))) {
            return read;
        }
        self.start_again()?;
        let Some(exec) = &mut self.exec else { return Ok(None) };
        self.call.runtime.block_on(exec.read(self.call.until))
    }

    /// The kept-open connection was dead before any byte of reply: once more, on a new one.
    fn start_again(&mut self) -> Result<(), Error> {
        let (runtime, wire, until) = (self.call.runtime.clone(), Arc::clone(&self.call.wire), self.call.until);
        runtime.block_on(async {
            wire.hang_up().await;
            let exec = self.exec.insert(wire.exec(&self.command).await?);
            exec.write(&self.unanswered, until).await
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() {
            let chunk = self.next().map_err(|error| self.fail(error))?;
            (self.chunk, self.at) = (chunk, 0);
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(exec) = &mut self.exec else {
            return Ok(buffer.len());
        };
        if !exec.answered {
            self.unanswered.extend_from_slice(buffer);
        }
        let written = self.call.runtime.block_on(exec.write(buffer, self.call.until));
        let written = match written {
            Err(_) if exec.is_dead_from_the_start() => self.start_again(),
            other => other,
        };
        written.map_err(|error| self.fail(error))?;
        self.call
            .wire
            .counts
            .sent
            .fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(exec) = self.exec.take() {
            self.call.runtime.spawn(exec.drain(AFTERWARDS));
        }
    }
}
