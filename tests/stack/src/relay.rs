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

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// One read; also the grain in which latency is applied.
const CHUNK: usize = 16 * 1024;

/// Chunks under way in one direction of one connection: 4 MiB, more than any test keeps in flight.
const CHUNKS_UNDER_WAY: usize = 256;

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

/// What goes wrong, and how much has gone through.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    stalled: bool,
    to_target: Way,
    to_client: Way,
    resets: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Way {
    latency: Duration,
    cut: Option<Cut>,
}

#[derive(Debug, Clone, Copy)]
struct Cut {
    after: u64,
    ending: Ending,
    once: bool,
}

#[derive(Default)]
struct Counters {
    connections: AtomicU64,
    open: AtomicU64,
    cuts: AtomicU64,
    to_target: AtomicU64,
    to_client: AtomicU64,
}

/// A running relay. It ends with its connections when dropped.
pub struct Relay {
    addr: SocketAddr,
    state: Arc<State>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    target: Mutex<SocketAddr>,
    faults: watch::Sender<Faults>,
    counters: Counters,
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

    /// Ends a stall; what was held back arrives.
    pub fn flow(&self) {
        self.change(|faults| faults.stalled = false);
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

impl Faults {
    fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::ToTarget => self.to_target,
            Direction::ToClient => self.to_client,
        }
    }

    fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToTarget => &mut self.to_target,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Counters {
    fn bytes(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToTarget => &self.to_target,
            Direction::ToClient => &self.to_client,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        state.counters.connections.fetch_add(1, Ordering::SeqCst);
        state.counters.open.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            connection(client, &state).await;
            state.counters.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// One connection, from accept to its end on both sides.
async fn connection(mut client: TcpStream, state: &State) {
    let target = *lock(&state.target);
    let Ok(mut target) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let ending = {
        let (client_read, client_write) = client.split();
        let (target_read, target_write) = target.split();
        let mut faults = state.faults.subscribe();
        let resets = faults.borrow_and_update().resets;
        tokio::select! {
            ended = async {
                tokio::try_join!(
                    pump(client_read, target_write, Direction::ToTarget, state),
                    pump(target_read, client_write, Direction::ToClient, state),
                )
            } => ended.err().unwrap_or(Ending::Close),
            _ = faults.wait_for(|faults| faults.resets != resets) => Ending::Reset,
        }
    };
    if ending == Ending::Reset {
        let _ = (client.set_zero_linger(), target.set_zero_linger());
    }
}

/// Carries bytes one way until the sender is done; `Err` says how the whole connection is to end.
async fn pump(from: ReadHalf<'_>, to: WriteHalf<'_>, direction: Direction, state: &State) -> Result<(), Ending> {
    let (under_way, arriving) = mpsc::channel(CHUNKS_UNDER_WAY);
    let read = collect(from, under_way, direction, state);
    let write = deliver(to, arriving, direction, state);
    tokio::try_join!(read, write).map(drop)
}

/// When it is due, and what; empty for the sender's FIN.
type Chunk = (Instant, Vec<u8>);

async fn collect(
    mut from: ReadHalf<'_>,
    under_way: mpsc::Sender<Chunk>,
    direction: Direction,
    state: &State,
) -> Result<(), Ending> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(count) => count,
            Err(error) => return Err(ending_of(&error)),
        };
        let latency = state.faults.borrow().way(direction).latency;
        let chunk = buffer.get(..count).unwrap_or_default().to_vec();
        if under_way.send((Instant::now() + latency, chunk)).await.is_err() || count == 0 {
            return Ok(());
        }
    }
}

async fn deliver(
    mut to: WriteHalf<'_>,
    mut arriving: mpsc::Receiver<Chunk>,
    direction: Direction,
    state: &State,
) -> Result<(), Ending> {
    let mut faults = state.faults.subscribe();
    let mut delivered = 0_u64;
    let mut waiting: VecDeque<Chunk> = VecDeque::new();
    loop {
        if let Some(cut) = cut_reached(state, direction, delivered) {
            let _ = to.flush().await;
            return Err(cut);
        }
        let next = match waiting.pop_front() {
            Some(chunk) => chunk,
            None => tokio::select! {
                chunk = arriving.recv() => match chunk {
                    Some(chunk) => chunk,
                    None => break,
                },
                _ = faults.changed() => continue,
            },
        };
        let (due, bytes) = next;
        tokio::time::sleep_until(due).await;
        if faults.wait_for(|faults| !faults.stalled).await.is_err() {
            break;
        }
        if bytes.is_empty() {
            break;
        }
        let limit = state
            .faults
            .borrow()
            .way(direction)
            .cut
            .map_or(u64::MAX, |cut| cut.after);
        let allowed = usize::try_from(limit.saturating_sub(delivered))
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (now, later) = bytes.split_at(allowed);
        if !later.is_empty() {
            waiting.push_front((due, later.to_vec()));
        }
        if let Err(error) = to.write_all(now).await {
            return Err(ending_of(&error));
        }
        let count = u64::try_from(allowed).unwrap_or(u64::MAX);
        delivered += count;
        state.counters.bytes(direction).fetch_add(count, Ordering::SeqCst);
    }
    let _ = to.shutdown().await;
    Ok(())
}

/// Whether this connection is to end here; takes the fault away if it was meant for one connection.
fn cut_reached(state: &State, direction: Direction, delivered: u64) -> Option<Ending> {
    let mut reached = None;
    state.faults.send_if_modified(|faults| {
        let way = faults.way_mut(direction);
        let Some(cut) = way.cut.filter(|cut| delivered >= cut.after) else {
            return false;
        };
        reached = Some(cut.ending);
        if cut.once {
            way.cut = None;
        }
        cut.once
    });
    if reached.is_some() {
        state.counters.cuts.fetch_add(1, Ordering::SeqCst);
    }
    reached
}

fn ending_of(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Ending::Reset,
        _ => Ending::Close,
    }
}
