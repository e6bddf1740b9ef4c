//! A command that runs on the server, over a channel of the SSH connection.

use super::error::Error;
use super::words;
use futures::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// A kept-open connection answers in a round trip, or it is dead and a new one is faster than waiting.
pub(super) const KEPT_OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// After the end of its output a command's exit status follows at once.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a command is waited for with, in the words of an error.
pub(super) mod awaiting {
    pub(crate) const START: &str = "starting git on the server";
    pub(crate) const BRANCHES: &str = "waiting for its list of branches";
    pub(crate) const COMMITS: &str = "waiting for commits";
    pub(crate) const REPORT: &str = "waiting for its report on the push";
    pub(crate) const TAKE: &str = "sending to it";
}

/// A command running on the server.
pub(super) struct Exec {
    channel: Channel<Msg>,
    place: String,
    idle: Duration,
    /// The connection was there before this command, and may therefore turn out to be dead.
    pub kept_open: bool,
    /// The server has said something about this command.
    pub answered: bool,
    /// One of [`awaiting`]'s.
    pub awaits: &'static str,
    /// Whether the server has answered anything on the connection since the command went on.
    alive: Option<Arc<AtomicBool>>,
    ended: bool,
    stderr: Vec<u8>,
    stop: CancellationToken,
}

impl Exec {
    pub(super) fn new(
        channel: Channel<Msg>,
        place: String,
        idle: Duration,
        kept_open: bool,
        stop: CancellationToken,
    ) -> Self {
        Self {
            channel,
            place,
            idle,
            kept_open,
            answered: false,
            awaits: awaiting::START,
            alive: None,
            ended: false,
            stderr: Vec::new(),
            stop,
        }
    }

    /// The next bytes of the command's output; `None` at its end.
    pub(super) async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        while !self.ended {
            let patience = if self.kept_open && !self.answered {
                KEPT_OPEN_PATIENCE.min(self.idle)
            } else {
                self.idle
            };
            let message = match self.wait(patience, until).await {
                Err(Error::Silent { .. }) if self.lives() && patience < self.idle => {
                    self.wait(self.idle.saturating_sub(patience), until).await?
                }
                waited => waited?,
            };
            self.answered |= message.as_ref().is_some_and(is_answer);
            if self.answered && self.awaits == awaiting::START {
                self.awaits = awaiting::BRANCHES;
            }
            match message {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data.into())),
                Some(ChannelMsg::ExtendedData { data, .. }) => self.keep_words(&data),
                Some(ChannelMsg::Failure) => {
                    self.keep_words(b"the server does not run commands");
                    self.ended = true;
                }
                Some(ChannelMsg::Eof) => self.last_words().await,
                Some(ChannelMsg::Close) => self.ended = true,
                Some(_) => {}
                None => {
                    return Err(Error::Broken {
                        place: self.place.clone(),
                        words: self.words(),
                    });
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), Error> {
        let sending = self.channel.data_bytes(bytes.to_vec());
        let end = until.min(Instant::now() + self.idle);
        let Some(sent) = self.stop.run_until_cancelled(timeout_at(end, sending)).await else {
            return Err(self.stopped());
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Broken {
                place: self.place.clone(),
                words: self.words(),
            }),
            Err(_) => Err(self.late(awaiting::TAKE, self.idle, until)),
        }
    }

    /// The command was started long ago, and goes on now: the connection may be dead until it, or `alive`, says otherwise.
    pub(super) fn goes_on(&mut self, alive: Arc<AtomicBool>) {
        (self.kept_open, self.answered, self.alive) = (true, false, Some(alive));
    }

    /// Whether the server has ended the command, as far as is known without waiting.
    pub(super) fn has_ended(&mut self) -> bool {
        while !self.ended {
            match self.channel.wait().now_or_never() {
                None => return false,
                Some(Some(ChannelMsg::ExtendedData { data, .. })) => self.keep_words(&data),
                Some(None | Some(ChannelMsg::Eof | ChannelMsg::Close | ChannelMsg::Failure)) => self.ended = true,
                Some(Some(_)) => {}
            }
        }
        true
    }

    /// The connection was open before, and nothing has ever come back for this command.
    pub(super) fn is_dead_from_the_start(&self) -> bool {
        self.kept_open && !self.answered
    }

    /// What the command wrote to its error output, fit to be shown.
    pub(super) fn words(&self) -> String {
        words::scrub(&self.stderr)
    }

    /// Reads the rest of what the server sends, so that what runs there (hooks, housekeeping) is not cut off; then closes.
    pub(super) async fn drain(mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while let Ok(Some(_)) = self.read(until).await {}
        let _ = timeout(LAST_WORDS, self.channel.close()).await;
    }

    async fn last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Some(message)) = self.wait(LAST_WORDS, until).await {
            match message {
                ChannelMsg::ExtendedData { data, .. } => self.keep_words(&data),
                ChannelMsg::Close => break,
                _ => {}
            }
        }
        self.ended = true;
    }

    async fn wait(&mut self, patience: Duration, until: Instant) -> Result<Option<ChannelMsg>, Error> {
        // What never ceases to come would never be waited for.
        if until <= Instant::now() {
            return Err(self.late(self.awaits, patience, until));
        }
        let end = until.min(Instant::now() + patience);
        let waiting = self.stop.run_until_cancelled(timeout_at(end, self.channel.wait()));
        match waiting.await {
            Some(waited) => waited.map_err(|_| self.late(self.awaits, patience, until)),
            None => Err(self.stopped()),
        }
    }

    /// A server that answers, if not about the command, is slow and not dead.
    fn lives(&mut self) -> bool {
        let alive = self.alive.as_ref();
        self.answered |= alive.is_some_and(|alive| alive.load(Ordering::Relaxed));
        self.answered
    }

    fn stopped(&self) -> Error {
        Error::Stopped {
            place: self.place.clone(),
        }
    }

    fn late(&self, phase: &'static str, patience: Duration, until: Instant) -> Error {
        if until <= Instant::now() {
            Error::Overdue {
                place: self.place.clone(),
            }
        } else {
            Error::Silent {
                place: self.place.clone(),
                phase,
                after: patience,
            }
        }
    }

    fn keep_words(&mut self, data: &[u8]) {
        let room = (words::MOST * 2).saturating_sub(self.stderr.len());
        self.stderr.extend(data.iter().take(room));
    }
}

/// Whether the server has taken notice of the command; a channel that it closed long ago has not.
fn is_answer(message: &ChannelMsg) -> bool {
    !matches!(
        message,
        ChannelMsg::Close | ChannelMsg::Eof | ChannelMsg::WindowAdjusted { .. }
    )
}
