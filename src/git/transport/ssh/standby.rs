use super::remote_command::RemoteCommand;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Without a push for so long, the next push is far away.
const DEMAND: Duration = Duration::from_secs(60 * 60);
/// A server that ended so many in a row does not want commands that wait.
const MOST_ENDED_EARLY: u32 = 2;

/// A command that was started in advance and waits for its input.
pub(crate) struct Standby {
    pub command: RemoteCommand,
    /// What the command has written so far.
    pub output: Vec<u8>,
    pub since: Instant,
}

/// The connection's waiting command. The lock is held while a command is being started.
pub(crate) type StandbySlot = Arc<tokio::sync::Mutex<Option<Standby>>>;

/// Whether starting a command in advance is worth it.
pub(crate) struct Demand {
    until: Option<Instant>,
    ended_early: u32,
}

impl Demand {
    pub(crate) fn new() -> Self {
        Self {
            until: Some(Instant::now() + DEMAND),
            ended_early: 0,
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// A push has landed: more may follow.
    pub(crate) fn push_landed(&mut self) {
        *self = Self::new();
    }

    /// Ends the demand until the next push lands.
    pub(crate) fn forbid(&mut self) {
        self.until = None;
    }

    /// The server has ended a command that waited.
    pub(crate) fn ended_early(&mut self) {
        self.ended_early += 1;
        if self.ended_early >= MOST_ENDED_EARLY {
            self.forbid();
        }
    }

    /// A command was dismissed unused; `early`: the server had ended the command before.
    pub(crate) fn dismissed(&mut self, early: bool) {
        if early {
            self.ended_early();
        } else {
            self.ended_early = 0;
        }
    }
}
