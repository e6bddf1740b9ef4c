//! What libgit2 reads and writes when it fetches over SSH. A dead connection is replaced without libgit2's notice.

use super::call::{Call, Chunk};
use super::side_band::SideBand;
use crate::git::transport::error::Error;
use crate::git::transport::refusal::refused;
use crate::git::transport::service::Service;
use crate::git::transport::ssh::client::Ssh;
use crate::git::transport::ssh::remote_command::{RemoteCommand, phase};
use git2::transport::{Service as Action, SmartSubtransport, SmartSubtransportStream};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long the server may go on with housekeeping after the answer.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// Starts `git-upload-pack` on the server.
pub(crate) struct SshTransport(pub(crate) Call);

impl SmartSubtransport for SshTransport {
    fn action(&self, _url: &str, action: Action) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let Self(call) = self;
        if matches!(action, Action::ReceivePackLs | Action::ReceivePack) {
            return Err(git2::Error::from_str("pushes do not go through libgit2"));
        }
        let command = Service::UploadPack.command(&call.connection.endpoint.url);
        match call
            .runtime
            .block_on(ssh(call)?.start(&command, &call.connection.endpoint.reading))
        {
            Ok(running) => Ok(Box::new(Stream::new(call.clone(), running, command))),
            Err(error) => Err(call.refuse(error)),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

fn ssh(call: &Call) -> Result<&Ssh, git2::Error> {
    let ssh = call.connection.ssh();
    ssh.ok_or_else(|| git2::Error::from_str("the address is not one for SSH"))
}

struct Stream {
    call: Call,
    command: String,
    running: Option<RemoteCommand>,
    /// What was written before the server reacted at all. It is sent again if the connection turns out to be dead.
    unanswered: Vec<u8>,
    chunk: Chunk,
    band: SideBand,
    received: u64,
}

impl Stream {
    fn new(call: Call, running: RemoteCommand, command: String) -> Self {
        Self {
            call,
            command,
            running: Some(running),
            unanswered: Vec::new(),
            chunk: Chunk::default(),
            band: SideBand::new(),
            received: 0,
        }
    }

    fn fail(&self, error: Error) -> io::Error {
        if error.is_cut() || matches!(error, Error::Refused { .. }) {
            self.call.runtime.block_on(self.call.connection.close());
        }
        self.call.fail(error)
    }

    /// The next bytes for libgit2, which reads only while it needs more.
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            let Some(bytes) = self.receive()? else {
                let message = self.running.as_ref().map(RemoteCommand::message).unwrap_or_default();
                return Err(refused(&self.call.connection.endpoint.url, &message, false));
            };
            let passed = self.call.pass(&mut self.band, &mut self.received, &bytes)?;
            if !passed.is_empty() {
                return Ok(passed);
            }
        }
    }

    fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(running) = &mut self.running else {
            return Ok(None);
        };
        let read = self.call.runtime.block_on(running.read(self.call.until));
        if running.answered {
            self.unanswered.clear();
        }
        if !running.is_dead_from_the_start() || matches!(read, Ok(Some(_))) {
            return read;
        }
        self.start_again()?;
        let Some(running) = &mut self.running else {
            return Ok(None);
        };
        self.call.runtime.block_on(running.read(self.call.until))
    }

    /// Starts the command again on a new connection, because the open one was dead before any byte of answer.
    fn start_again(&mut self) -> Result<(), Error> {
        let (runtime, connection, until) = (
            self.call.runtime.clone(),
            Arc::clone(&self.call.connection),
            self.call.until,
        );
        let Some(ssh) = connection.ssh() else { return Ok(()) };
        runtime.block_on(async {
            connection.close().await;
            let started = ssh.start(&self.command, &connection.endpoint.reading).await?;
            self.running.insert(started).write(&self.unanswered, until).await
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
        let Some(running) = &mut self.running else {
            return Ok(buffer.len());
        };
        if self.received > 0 {
            running.phase = phase::COMMITS;
        }
        if !running.answered {
            self.unanswered.extend_from_slice(buffer);
        }
        let written = self.call.runtime.block_on(running.write(buffer, self.call.until));
        let written = match written {
            Err(_) if running.is_dead_from_the_start() => self.start_again(),
            other => other,
        };
        written.map_err(|error| self.fail(error))?;
        self.call.count_sent(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.call.runtime.spawn(running.drain(AFTERWARDS));
        }
    }
}
