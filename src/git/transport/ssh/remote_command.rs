use crate::git::transport::error::Error;
use crate::git::transport::server_message;
use futures::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// An open connection answers within a round trip. If it does not, it is dead, and a new one is faster than waiting.
pub(crate) const OPEN_CONNECTION_PATIENCE: Duration = Duration::from_secs(5);
/// A command's exit status follows the end of its output at once.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the agent waits for, in the words of an error.
pub(crate) mod phase {
    pub(crate) const START: &str = "starting git on the server";
    pub(crate) const BRANCHES: &str = "waiting for its list of branches";
    pub(crate) const COMMITS: &str = "waiting for commits";
    pub(crate) const REPORT: &str = "waiting for its report on the push";
    pub(crate) const SEND: &str = "sending to it";
}

/// A command that runs on the server, over a channel of the SSH connection.
pub(crate) struct RemoteCommand {
    channel: Channel<Msg>,
    server: String,
    idle: Duration,
    /// The connection was open before this command, and may therefore be dead.
    was_open: bool,
    /// The server has reacted to this command.
    pub answered: bool,
    /// One of [`phase`]'s.
    pub phase: &'static str,
    /// Whether the server has answered anything on the connection since the command resumed.
    is_alive: Option<Arc<AtomicBool>>,
    has_ended: bool,
    stderr: Vec<u8>,
    stop: CancellationToken,
}

impl RemoteCommand {
    pub(crate) fn new(
        channel: Channel<Msg>,
        server: String,
        idle: Duration,
        was_open: bool,
        stop: CancellationToken,
    ) -> Self {
        Self {
            channel,
            server,
            idle,
            was_open,
            answered: false,
            phase: phase::START,
            is_alive: None,
            has_ended: false,
            stderr: Vec::new(),
            stop,
        }
    }

    /// The next bytes of the command's output; `None` at its end.
    pub(crate) async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        while !self.has_ended {
            let message = self.next_message(until).await?;
            self.answered |= message.as_ref().is_some_and(is_reaction);
            if self.answered && self.phase == phase::START {
                self.phase = phase::BRANCHES;
            }
            match message {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data.into())),
                Some(ChannelMsg::ExtendedData { data, .. }) => self.keep_stderr(&data),
                Some(ChannelMsg::Failure) => {
                    self.keep_stderr(b"the server does not run commands");
                    self.has_ended = true;
                }
                Some(ChannelMsg::Eof) => self.read_last_words().await,
                Some(ChannelMsg::Close) => self.has_ended = true,
                Some(_) => {}
                None => return Err(self.broken()),
            }
        }
        Ok(None)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), Error> {
        let sending = self.channel.data_bytes(bytes.to_vec());
        let end = until.min(Instant::now() + self.idle);
        let Some(sent) = self.stop.run_until_cancelled(timeout_at(end, sending)).await else {
            return Err(self.stopped());
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.broken()),
            Err(_) => Err(self.timed_out(phase::SEND, self.idle, until)),
        }
    }

    /// Resumes a command that was started long ago. The connection counts as dead until the command answers, or until
    /// `is_alive` becomes true.
    pub(crate) fn resume(&mut self, is_alive: Arc<AtomicBool>) {
        (self.was_open, self.answered, self.is_alive) = (true, false, Some(is_alive));
    }

    /// Whether the server has ended the command, as far as is known without waiting.
    pub(crate) fn has_ended(&mut self) -> bool {
        while !self.has_ended {
            match self.channel.wait().now_or_never() {
                None => return false,
                Some(Some(ChannelMsg::ExtendedData { data, .. })) => self.keep_stderr(&data),
                Some(None | Some(ChannelMsg::Eof | ChannelMsg::Close | ChannelMsg::Failure)) => self.has_ended = true,
                Some(Some(_)) => {}
            }
        }
        true
    }

    /// Whether the connection was open before, and the server has never reacted to this command.
    pub(crate) fn is_dead_from_the_start(&self) -> bool {
        self.was_open && !self.answered
    }

    /// What the command wrote to its error output, as plain text.
    pub(crate) fn message(&self) -> String {
        server_message::plain(&self.stderr)
    }

    /// Reads the rest of the output, so that what runs on the server (hooks, housekeeping) is not cut off; then closes.
    pub(crate) async fn drain(mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while let Ok(Some(_)) = self.read(until).await {}
        let _ = timeout(LAST_WORDS, self.channel.close()).await;
    }

    async fn read_last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Some(message)) = self.wait(LAST_WORDS, until).await {
            match message {
                ChannelMsg::ExtendedData { data, .. } => self.keep_stderr(&data),
                ChannelMsg::Close => break,
                _ => {}
            }
        }
        self.has_ended = true;
    }

    /// Waits less long on a connection that may be dead, and as long as usual once the server is known to live.
    async fn next_message(&mut self, until: Instant) -> Result<Option<ChannelMsg>, Error> {
        let patience = if self.is_dead_from_the_start() {
            OPEN_CONNECTION_PATIENCE.min(self.idle)
        } else {
            self.idle
        };
        match self.wait(patience, until).await {
            Err(Error::Silent { .. }) if self.server_is_alive() && patience < self.idle => {
                self.wait(self.idle.saturating_sub(patience), until).await
            }
            waited => waited,
        }
    }

    async fn wait(&mut self, patience: Duration, until: Instant) -> Result<Option<ChannelMsg>, Error> {
        // A stream of messages without an end would never wait, and never time out below.
        if until <= Instant::now() {
            return Err(self.timed_out(self.phase, patience, until));
        }
        let end = until.min(Instant::now() + patience);
        let waiting = self.stop.run_until_cancelled(timeout_at(end, self.channel.wait()));
        match waiting.await {
            Some(waited) => waited.map_err(|_| self.timed_out(self.phase, patience, until)),
            None => Err(self.stopped()),
        }
    }

    /// A server that answers, even if not to the command, is slow and not dead.
    fn server_is_alive(&mut self) -> bool {
        let is_alive = self.is_alive.as_ref();
        self.answered |= is_alive.is_some_and(|is_alive| is_alive.load(Ordering::Relaxed));
        self.answered
    }

    fn stopped(&self) -> Error {
        Error::Stopped {
            server: self.server.clone(),
        }
    }

    fn broken(&self) -> Error {
        Error::Broken {
            server: self.server.clone(),
            message: self.message(),
        }
    }

    fn timed_out(&self, phase: &'static str, patience: Duration, until: Instant) -> Error {
        let server = self.server.clone();
        if until <= Instant::now() {
            return Error::Overdue { server };
        }
        Error::Silent {
            server,
            phase,
            after: patience,
        }
    }

    fn keep_stderr(&mut self, data: &[u8]) {
        let room = server_message::LONGEST_RAW.saturating_sub(self.stderr.len());
        self.stderr.extend(data.iter().take(room));
    }
}

/// Whether the message shows that the server has noticed the command. A channel that the server closed long ago does not.
fn is_reaction(message: &ChannelMsg) -> bool {
    !matches!(
        message,
        ChannelMsg::Close | ChannelMsg::Eof | ChannelMsg::WindowAdjusted { .. }
    )
}
