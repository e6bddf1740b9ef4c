//! One call of libgit2 that uses the network.
//!
//! libgit2 has one transport for each scheme in the whole process, and calls the transport on the thread that fetches. A
//! thread-local, which [`run`] sets around each call, says for which repository the call is. So any number of repositories can
//! be open, each with its own key, host keys and deadlines. libgit2 reads and writes by blocking; the bytes come from the
//! async runtime on which the repository was opened. The first error is kept with the call, because libgit2 would turn the
//! error into a text.

use super::pack::TooLarge;
use super::side_band::SideBand;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::lock::locked;
use crate::git::transport::connection::Connection;
use crate::git::transport::error::Error;
use crate::git::transport::refusal::refused;
use crate::git::transport::server_message;
use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// The current call, for the streams that libgit2 reads and writes.
#[derive(Clone)]
pub(crate) struct Call {
    pub connection: Arc<Connection>,
    pub runtime: Handle,
    pub until: Instant,
    most_bytes: u64,
    failure: Arc<Mutex<Option<Error>>>,
    left_out: Arc<AtomicUsize>,
}

/// What one operation may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransferLimits {
    pub time: Duration,
    /// In received bytes.
    pub size: u64,
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Runs libgit2 calls that fetch, within limits. `doing` is for the error.
pub(crate) fn run<T>(
    connection: &Arc<Connection>,
    runtime: &Handle,
    limits: TransferLimits,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, Error> {
    let failure = Arc::new(Mutex::new(None));
    let call = Call {
        connection: Arc::clone(connection),
        runtime: runtime.clone(),
        until: Instant::now() + limits.time,
        most_bytes: limits.size,
        failure: Arc::clone(&failure),
        left_out: Arc::default(),
    };
    CALL.with_borrow_mut(|slot| *slot = Some(call));
    let result = work();
    CALL.with_borrow_mut(|slot| *slot = None);
    result.map_err(|source| {
        let first = locked(&failure).take();
        first.unwrap_or_else(|| match source.message().strip_prefix("remote error: ") {
            Some(message) => {
                let message = server_message::plain(message.as_bytes());
                refused(&connection.endpoint.url, &message, false)
            }
            None => Libgit2Error::doing(doing)(source).into(),
        })
    })
}

/// The call that is running on this thread.
pub(crate) fn current() -> Result<Call, git2::Error> {
    let call = CALL.with_borrow(Clone::clone);
    call.ok_or_else(|| git2::Error::from_str("the transport was used outside of a call"))
}

impl Call {
    /// Keeps the first error of the call; later errors are its consequences.
    fn keep(&self, error: Error) {
        locked(&self.failure).get_or_insert(error);
    }

    /// Keeps the error and returns it as libgit2 expects it from opening a stream.
    pub(crate) fn refuse(&self, error: Error) -> git2::Error {
        let text = error.to_string();
        self.keep(error);
        git2::Error::from_str(&text)
    }

    /// Keeps the error and returns it as libgit2 expects it from reading or writing.
    pub(crate) fn fail(&self, error: Error) -> io::Error {
        let text = error.to_string();
        self.keep(error);
        io::Error::other(text.replace('\0', ""))
    }

    /// Counts received bytes. `received` is the stream's own count, which the size limit is for.
    fn count_received(&self, received: &mut u64, bytes: &[u8]) -> Result<(), Error> {
        let (length, endpoint) = (bytes.len() as u64, &self.connection.endpoint);
        *received += length;
        endpoint.counts.received.fetch_add(length, Ordering::Relaxed);
        if *received > self.most_bytes {
            return Err(Error::TooLarge {
                url: endpoint.url.to_string(),
                limit: self.most_bytes,
            });
        }
        Ok(())
    }

    /// Counts received bytes, and gives those that libgit2 may have: none before the end of a line or of an object that is left
    /// out.
    pub(super) fn pass(&self, band: &mut SideBand, received: &mut u64, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.count_received(received, bytes)?;
        let passed = band.feed(bytes).map_err(|TooLarge| Error::HugeObject {
            url: self.connection.endpoint.url.to_string(),
        })?;
        self.left_out.store(band.left_out(), Ordering::Relaxed);
        Ok(passed)
    }

    /// How many objects were left out of what libgit2 got.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.load(Ordering::Relaxed)
    }

    pub(crate) fn count_sent(&self, bytes: &[u8]) {
        let counts = &self.connection.endpoint.counts;
        counts.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Bytes that have arrived and that libgit2 has not read yet.
#[derive(Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    start: usize,
}

impl Chunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.bytes.len()
    }

    pub(crate) fn fill(&mut self, bytes: Vec<u8>) {
        (self.bytes, self.start) = (bytes, 0);
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.start += count;
        count
    }
}
