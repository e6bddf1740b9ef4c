//! libgit2's transports for `ssh`, `https` and `http`, over our own [`Wire`].
//!
//! libgit2 knows one transport for each scheme in the whole process, and calls it on the thread that fetches. Which
//! repository it is for is told by a thread-local that [`run`] sets around each call, so that any number of repositories
//! can be open, each with its own key, host keys and deadlines. libgit2 reads and writes by blocking; the bytes come from
//! the async runtime that the repository was opened on. The first real error is kept beside the call: libgit2 would
//! flatten it into a text. Pushes do not come this way.

use super::error::Error;
use super::url::Scheme;
use super::wire::{Wire, locked};
use super::words::{self, Refusal};
use super::{http_stream, ssh_stream};
use git2::transport::{SmartSubtransport, Transport};
use std::cell::RefCell;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// One call of libgit2, as its streams need to know it.
#[derive(Clone)]
pub(super) struct Call {
    pub wire: Arc<Wire>,
    pub runtime: Handle,
    pub until: Instant,
    most: u64,
    failure: Arc<Mutex<Option<Error>>>,
}

/// What a whole operation may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub time: Duration,
    /// Received bytes.
    pub size: u64,
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// What libgit2 keeps of objects that were read, in bytes as they are counted there; parsed trees take three times as much.
/// Its own 256 MiB would take more memory than a pod has, after a hundred thousand commits.
const OBJECT_CACHE: isize = 16 << 20;

/// Bounds what libgit2 keeps in memory, once for the process.
pub(super) fn bound_memory() {
    static DONE: OnceLock<bool> = OnceLock::new();
    DONE.get_or_init(|| {
        #[expect(
            unsafe_code,
            reason = "a process-wide setting of libgit2; the OnceLock makes this the only call"
        )]
        let bounded = unsafe { git2::opts::set_cache_max_size(OBJECT_CACHE) };
        bounded.is_ok()
    });
}

/// Registers the transports, once for the process, and cuts libgit2 off from the machine's git configuration: a
/// `url.*.insteadOf` there could send us elsewhere.
pub(super) fn register() -> Result<(), Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    bound_memory();
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
                .and_then(|()| git2::transport::register("ssh", |remote| smart(remote, false, ssh_stream::Ssh)))
                .and_then(|()| git2::transport::register("https", |remote| smart(remote, true, http_stream::Http)))
                .and_then(|()| git2::transport::register("http", |remote| smart(remote, true, http_stream::Http)))
        };
        registered.map_err(|error| error.message().to_owned())
    });
    done.clone().map_err(|message| Error::Git {
        doing: "register the transports",
        source: git2::Error::from_str(&message),
    })
}

/// A transport for the call that is under way. `stateless`: each step is a request of its own.
fn smart<T: SmartSubtransport>(
    remote: &git2::Remote<'_>,
    stateless: bool,
    transport: impl FnOnce(Call) -> T,
) -> Result<Transport, git2::Error> {
    let call = CALL.with_borrow(Clone::clone);
    let call = call.ok_or_else(|| git2::Error::from_str("the transport was used outside of a call"))?;
    Transport::smart(remote, stateless, transport(call))
}

/// Runs libgit2 calls that fetch, within limits.
pub(super) fn run<T>(
    wire: &Arc<Wire>,
    runtime: &Handle,
    limit: Whole,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, Error> {
    let failure = Arc::new(Mutex::new(None));
    let until = Instant::now() + limit.time;
    let call = Call {
        wire: Arc::clone(wire),
        runtime: runtime.clone(),
        until,
        most: limit.size,
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
        Refusal::Other => "the server ended the command",
        told => remedy(told, wire.url.scheme()),
    };
    Error::Remote {
        url: wire.url.to_string(),
        meaning,
        kind,
        words: said.to_owned(),
    }
}

/// What a refusal comes to, and what to do about it.
pub(super) fn remedy(refusal: Refusal, scheme: Scheme) -> &'static str {
    match (refusal, scheme) {
        (Refusal::NoRepository, Scheme::Ssh) => {
            "there is no such repository, or not for our key; check repo.url and the deploy key"
        }
        (Refusal::NoRepository, _) => {
            "there is no such repository, or not for our login; check repo.url and repo.http.credentials"
        }
        (Refusal::NoWrite, Scheme::Ssh) => "the deploy key may read but not write; give it write access",
        (Refusal::NoWrite, _) => "the login may read but not write; give it write access",
        (Refusal::Other, _) => "the server refuses",
    }
}

impl Call {
    /// The first failure is the cause, later ones are its consequences.
    pub(super) fn keep(&self, error: Error) {
        locked(&self.failure).get_or_insert(error);
    }

    /// The same, as libgit2 is to see it when it asks for a stream.
    pub(super) fn refuse(&self, error: Error) -> git2::Error {
        let text = error.to_string();
        self.keep(error);
        git2::Error::from_str(&text)
    }

    /// The same, as libgit2 is to see it when it reads or writes.
    pub(super) fn fail(&self, error: Error) -> io::Error {
        let text = error.to_string();
        self.keep(error);
        io::Error::other(text.replace('\0', ""))
    }

    /// Counts what has arrived on a stream; `received` is the stream's own count.
    pub(super) fn received(&self, received: &mut u64, bytes: &[u8]) -> Result<(), Error> {
        *received += bytes.len() as u64;
        let all = &self.wire.counts.received;
        all.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if *received > self.most {
            return Err(Error::TooLarge {
                url: self.wire.url.to_string(),
                limit: self.most,
            });
        }
        Ok(())
    }

    /// Counts what goes out.
    pub(super) fn sent(&self, bytes: &[u8]) {
        self.wire.counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// What has arrived and was not read yet.
#[derive(Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    at: usize,
}

impl Chunk {
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn fill(&mut self, bytes: Vec<u8>) {
        (self.bytes, self.at) = (bytes, 0);
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        count
    }
}
