//! What libgit2 reads and writes when it fetches over HTTP: each step is a request of its own.

use super::call::{Call, Chunk};
use super::side_band::SideBand;
use crate::git::transport::connection::Transport;
use crate::git::transport::error::Error;
use crate::git::transport::http::answer::Answer;
use crate::git::transport::http::client::Http;
use crate::git::transport::service::Service;
use git2::transport::{Service as Action, SmartSubtransport, SmartSubtransportStream};
use std::io::{self, Read, Write};
use std::time::Duration;

/// A fetch asks for a branch and names at most 256 steps of what the mirror has: a few ten thousand bytes.
const LARGEST_REQUEST: usize = 4 << 20;

/// How long to wait for the end of an answer. The end is on its way when libgit2 has read what it needs.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Asks for references, then for a pack.
pub(crate) struct HttpTransport(pub(crate) Call);

impl SmartSubtransport for HttpTransport {
    fn action(&self, _url: &str, action: Action) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let Self(call) = self;
        let answer = match action {
            Action::UploadPackLs => {
                let asked = http(call)?.references(Service::UploadPack, &call.connection.endpoint.reading);
                let answer = call.runtime.block_on(asked);
                Some(answer.map_err(|error| call.refuse(error))?)
            }
            Action::UploadPack => None,
            _ => return Err(git2::Error::from_str("pushes do not go through libgit2")),
        };
        Ok(Box::new(Stream {
            call: call.clone(),
            request: Vec::new(),
            answer,
            chunk: Chunk::default(),
            band: SideBand::new(),
            received: 0,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

fn http(call: &Call) -> Result<&Http, git2::Error> {
    match &call.connection.transport {
        Transport::Http(http) => Ok(http),
        Transport::Ssh(_) => Err(git2::Error::from_str("the address is not one for HTTP")),
    }
}

struct Stream {
    call: Call,
    request: Vec<u8>,
    /// `None` until the request has gone out, with the first read.
    answer: Option<Answer>,
    chunk: Chunk,
    band: SideBand,
    received: u64,
}

impl Stream {
    /// The next bytes for libgit2; none at the end.
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        while let Some(bytes) = self.receive()? {
            let passed = self.call.pass(&mut self.band, &mut self.received, &bytes)?;
            if !passed.is_empty() {
                return Ok(passed);
            }
        }
        Ok(Vec::new())
    }

    fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Self {
            call, request, answer, ..
        } = self;
        let Transport::Http(http) = &call.connection.transport else {
            return Ok(None);
        };
        call.runtime.block_on(async {
            let answer = match answer {
                Some(answer) => answer,
                none => {
                    call.count_sent(request);
                    let stop = &call.connection.endpoint.reading;
                    let asked = http.call(Service::UploadPack, std::mem::take(request), stop);
                    none.insert(asked.await?)
                }
            };
            answer.read(call.until).await
        })
    }
}

/// libgit2 stops reading where git's answer ends. The connection can serve the next request only after the end of the HTTP
/// answer.
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
