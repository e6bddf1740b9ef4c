//! Everything outside of the agents: servers, people's traces, and the judge. One lock, held for the effect of one message.

use super::cluster::Cluster;
use super::git_server::GitServer;
use super::judge::Judge;
use super::random::Random;
use super::registry_server::RegistryServer;
use super::trace::Trace;
use jiff::Timestamp;
use std::fmt::Arguments;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// A fault that is put into a port on purpose, to see that the judge finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// The git server takes a push whatever the branch points to.
    PushWithoutCompare,
    /// The mirror leaves files of a commit out and does not say so.
    PartialTree,
    /// A watch does not wake anybody when an object goes.
    LostWakeUp,
    /// The mirror does not have the history from before the start of the process.
    ForgottenHistory,
    /// A confirmation stands for whatever waits now.
    CarriedConsent,
}

/// The time of the first event. It lies behind every real clock, which the agent takes for the latest possible time.
const BEGINNING: i64 = 1_735_689_600;

pub(super) struct State {
    pub(super) random: Random,
    /// Whether messages are lost, late or doubled, and servers refuse or lie.
    pub(super) faults: bool,
    /// No message arrives before this time.
    pub(super) cut_until: u64,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) git: GitServer,
    pub(super) registry: RegistryServer,
    pub(super) cluster: Cluster,
    pub(super) trace: Trace,
    pub(super) judge: Judge,
    start: Instant,
}

impl State {
    /// Milliseconds since the start of the run.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The clock of all servers.
    pub(super) fn clock(&self) -> Timestamp {
        let seconds = i64::try_from(self.now() / 1000).unwrap_or_default();
        Timestamp::from_second(BEGINNING + seconds).unwrap_or_default()
    }

    /// Notes an event in the trace.
    pub(super) fn note(&mut self, who: usize, what: &str, text: Arguments<'_>) {
        let head = self.git.heads.len() as u64;
        let (at, version) = (self.now(), self.cluster.version);
        self.trace.note(at, who, what, &[head, version], text);
    }

    /// A message of this kind is to fail, if there are faults.
    pub(super) fn fails(&mut self, of_thousand: u64) -> bool {
        self.faults && self.random.chance(of_thousand)
    }

    /// Notes that something happened that must never happen. The first one counts.
    pub(super) fn violated(&mut self, what: String) {
        self.note(9, "VIOLATION", format_args!("{what}"));
        self.judge.violation.get_or_insert(what);
    }
}

/// The world. Clones share it.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>, with_lines: bool) -> Self {
        let mut trace = Trace::default();
        trace.lines = with_lines.then(Vec::new);
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed, 1),
            faults: true,
            cut_until: 0,
            sabotage,
            git: GitServer::new(),
            registry: RegistryServer::default(),
            cluster: Cluster::default(),
            trace,
            judge: Judge::default(),
            start: Instant::now(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
