//! What libgit2 reads and writes when it fetches over HTTP: each step is a request of its own.

use super::error::Error;
use super::http::{self, Answer};
use super::transport::{Call, Chunk};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use std::io::{self, Read, Write};
use std::time::Duration;

/// What is wanted and what is there, in 256 steps back at most, is a few ten thousand bytes.
const LARGEST_REQUEST: usize = 4 << 20;

/// How long the end of an answer is waited for: it is under way when git has read what it wanted.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Asks for references, then for a pack.
pub(super) struct Http(pub(super) Call);

impl SmartSubtransport for Http {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let Self(call) = self;
        let wire = &call.wire;
        let answer = match action {
            Service::UploadPackLs => {
                let asked = wire.references(http::Service::UploadPack, &wire.reading);
                let answer = call.runtime.block_on(asked);
                Some(answer.map_err(|error| call.refuse(error))?)
            }
            Service::UploadPack => None,
            _ => return Err(git2::Error::from_str("pushes do not go through libgit2")),
        };
        Ok(Box::new(Stream {
            call: call.clone(),
            request: Vec::new(),
            answer,
            chunk: Chunk::default(),
            received: 0,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

struct Stream {
    call: Call,
    request: Vec<u8>,
    /// There once the request has gone out: with the first read.
    answer: Option<Answer>,
    chunk: Chunk,
    received: u64,
}

impl Stream {
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        let Self {
            call, request, answer, ..
        } = self;
        let bytes = call.runtime.block_on(async {
            let answer = match answer {
                Some(answer) => answer,
                none => {
                    call.sent(request);
                    let asked = call
                        .wire
                        .call(http::Service::UploadPack, std::mem::take(request), &call.wire.reading);
                    none.insert(asked.await?)
                }
            };
            answer.read(call.until).await
        });
        let bytes = bytes?.unwrap_or_default();
        self.call.received(&mut self.received, &bytes)?;
        Ok(bytes)
    }
}

/// git stops reading where the answer is over for it; the connection serves the next request only when it is for HTTP, too.
impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.call.runtime.block_on(answer.drain(LAST_BYTES));
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let bytes = self.next().map_err(|error| self.call.fail(error))?;
            self.chunk.fill(bytes);
        }
        Ok(self.chunk.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.request.len() + buffer.len() > LARGEST_REQUEST {
            return Err(io::Error::other("the request is too large"));
        }
        self.request.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
