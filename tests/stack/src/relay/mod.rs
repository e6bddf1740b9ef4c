//! A TCP relay that stands between any two parts of the stack and misbehaves on demand.
//!
//! ```no_run
//! # fn example(server: std::net::SocketAddr) -> anyhow::Result<()> {
//! use std::time::Duration;
//! use tidegate_stack::relay::{Direction, Ending, Relay};
//!
//! let relay = Relay::start(server)?; // give relay.addr() to the client
//! relay.set_latency(Direction::ToTarget, Duration::from_millis(20));
//! relay.cut_once(Direction::ToClient, 1_000, Ending::Reset);
//! # Ok(())
//! # }
//! ```
//!
//! Faults are set at run time and hold for open and new connections alike. Latency delays bytes without limiting how many
//! are under way, as a distance does. The relay has a thread of its own, so it also works for callers that block.

mod carry;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::watch;

use carry::serve;
use state::{Counters, Cut, Faults, State, lock};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the target.
    ToTarget,
    /// From the target to the client.
    ToClient,
}

/// How a connection is ended, towards both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FIN: looks like an orderly end.
    Close,
    /// RST.
    Reset,
}

/// A running relay. It ends with its connections when dropped.
pub struct Relay {
    addr: SocketAddr,
    state: Arc<State>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and passes every connection on to `target`.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn start(target: SocketAddr) -> Result<Relay> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the relay cannot listen")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State {
            target: Mutex::new(target),
            faults: watch::Sender::new(Faults::default()),
            counters: Counters::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, shared) => {}
                }
            });
        })?;
        Ok(Relay {
            addr,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends connections that are made from now on to another target.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.state.target) = target;
    }

    /// Delays every byte that goes this way.
    pub fn set_latency(&self, direction: Direction, latency: Duration) {
        self.change(|faults| faults.way_mut(direction).latency = latency);
    }

    /// Lets nothing through in either direction; connections stay open and new ones are accepted.
    pub fn stall(&self) {
        self.change(|faults| faults.stalled = true);
    }

    /// Lets so many bytes of each connection through this way, and then nothing more; connections stay open.
    pub fn stall_after(&self, direction: Direction, after: u64) {
        self.change(|faults| faults.way_mut(direction).stalled_after = Some(after));
    }

    /// Ends every stall; what was held back arrives.
    pub fn flow(&self) {
        self.change(|faults| {
            faults.stalled = false;
            faults.to_target.stalled_after = None;
            faults.to_client.stalled_after = None;
        });
    }

    /// Ends the next connection that has carried `after` bytes this way; then the fault is over. Exactly so many arrive, or
    /// with [`Ending::Reset`] at most so many.
    pub fn cut_once(&self, direction: Direction, after: u64, ending: Ending) {
        self.change(|faults| {
            faults.way_mut(direction).cut = Some(Cut {
                after,
                ending,
                once: true,
            })
        });
    }

    /// The same for every connection, until [`Relay::heal`].
    pub fn cut_every(&self, direction: Direction, after: u64, ending: Ending) {
        self.change(|faults| {
            faults.way_mut(direction).cut = Some(Cut {
                after,
                ending,
                once: false,
            })
        });
    }

    /// Resets all open connections (RST towards both sides).
    pub fn reset(&self) {
        self.change(|faults| faults.resets += 1);
    }

    /// Ends every fault.
    pub fn heal(&self) {
        self.change(|faults| {
            *faults = Faults {
                resets: faults.resets,
                ..Faults::default()
            }
        });
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.counters.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.state.counters.open.load(Ordering::SeqCst)
    }

    /// Connections that a cut has ended so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.state.counters.cuts.load(Ordering::SeqCst)
    }

    /// Round trips that the client has waited for so far, over all connections: the longest chain of messages of which each
    /// was sent after the one before had arrived. Exact where the latency is longer than what either side takes to answer.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.state.counters.at_client.load(Ordering::SeqCst) / 2
    }

    /// Bytes delivered so far, over all connections.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.state.counters.bytes(direction).load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Faults)) {
        self.state.faults.send_modify(change);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
