//! What libgit2 reads and writes when it fetches over SSH. A connection that turns out to be dead is replaced unseen.

use super::error::Error;
use super::exec::{Exec, awaiting};
use super::transport::{Call, Chunk, refused};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long the server may go on with housekeeping after we have our answer.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// Starts `git-upload-pack` on the server.
pub(super) struct Ssh(pub(super) Call);

impl SmartSubtransport for Ssh {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let Self(call) = self;
        if matches!(action, Service::ReceivePackLs | Service::ReceivePack) {
            return Err(git2::Error::from_str("pushes do not go through libgit2"));
        }
        let command = format!("git-upload-pack {}", call.wire.url.quoted_path());
        match call.runtime.block_on(call.wire.exec(&command, &call.wire.reading)) {
            Ok(exec) => Ok(Box::new(Stream::new(call.clone(), exec, command))),
            Err(error) => Err(call.refuse(error)),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

struct Stream {
    call: Call,
    exec: Option<Exec>,
    command: String,
    /// What was written before the server answered at all: sent again if its connection turns out to be dead.
    unanswered: Vec<u8>,
    chunk: Chunk,
    received: u64,
}

impl Stream {
    fn new(call: Call, exec: Exec, command: String) -> Self {
        Self {
            call,
            exec: Some(exec),
            command,
            unanswered: Vec::new(),
            chunk: Chunk::default(),
            received: 0,
        }
    }

    fn fail(&self, error: Error) -> io::Error {
        if error.is_cut() || matches!(error, Error::Remote { .. }) {
            self.call.runtime.block_on(self.call.wire.hang_up());
        }
        self.call.fail(error)
    }

    /// The next bytes for libgit2, which reads only while it needs more.
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        let Some(bytes) = self.receive()? else {
            let said = self.exec.as_ref().map(Exec::words).unwrap_or_default();
            return Err(refused(&self.call.wire, &said, false));
        };
        self.call.received(&mut self.received, &bytes)?;
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
            let exec = self.exec.insert(wire.exec(&self.command, &wire.reading).await?);
            exec.write(&self.unanswered, until).await
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let bytes = self.next().map_err(|error| self.fail(error))?;
            self.chunk.fill(bytes);
        }
        Ok(self.chunk.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(exec) = &mut self.exec else {
            return Ok(buffer.len());
        };
        if self.received > 0 {
            exec.awaits = awaiting::COMMITS;
        }
        if !exec.answered {
            self.unanswered.extend_from_slice(buffer);
        }
        let written = self.call.runtime.block_on(exec.write(buffer, self.call.until));
        let written = match written {
            Err(_) if exec.is_dead_from_the_start() => self.start_again(),
            other => other,
        };
        written.map_err(|error| self.fail(error))?;
        self.call.sent(buffer);
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
