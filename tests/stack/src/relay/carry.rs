//! Connections: each has a reader and a writer for either direction, and a queue between them in which bytes wait until
//! they are due.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::state::{State, lock};
use super::{Direction, Ending};

/// One read; also the grain in which latency is applied.
const CHUNK: usize = 16 * 1024;

/// Chunks under way in one direction of one connection: 4 MiB, more than any test keeps in flight.
const CHUNKS_UNDER_WAY: usize = 256;

/// Accepts until the runtime ends.
pub(super) async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        state.counters.connections.fetch_add(1, Ordering::SeqCst);
        state.counters.open.fetch_add(1, Ordering::SeqCst);
        // TCP's own handshake, of which a relay sees nothing.
        let shaken = state.counters.at_client.load(Ordering::SeqCst) + 2;
        state.counters.at_client.fetch_max(shaken, Ordering::SeqCst);
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

/// When it is due, what (empty for the sender's FIN), and the length of the chain of messages that it ends.
type Chunk = (Instant, Vec<u8>, u64);

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
        let back = match direction {
            Direction::ToTarget => Direction::ToClient,
            Direction::ToClient => Direction::ToTarget,
        };
        let chain = state.counters.chain(back).load(Ordering::SeqCst) + 1;
        let chunk = buffer.get(..count).unwrap_or_default().to_vec();
        if under_way.send((Instant::now() + latency, chunk, chain)).await.is_err() || count == 0 {
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
        let stalled = faults.borrow_and_update().way(direction).stalled_after;
        if stalled.is_some_and(|after| delivered >= after) {
            let _ = faults.changed().await;
            continue;
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
        let (due, bytes, chain) = next;
        tokio::time::sleep_until(due).await;
        if faults.wait_for(|faults| !faults.stalled).await.is_err() {
            break;
        }
        if bytes.is_empty() {
            break;
        }
        let way = state.faults.borrow().way(direction);
        let limit = way.cut.map_or(u64::MAX, |cut| cut.after);
        let limit = limit.min(way.stalled_after.unwrap_or(u64::MAX));
        let allowed = usize::try_from(limit.saturating_sub(delivered))
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (now, later) = bytes.split_at(allowed);
        if !later.is_empty() {
            waiting.push_front((due, later.to_vec(), chain));
        }
        if let Err(error) = to.write_all(now).await {
            return Err(ending_of(&error));
        }
        let count = u64::try_from(allowed).unwrap_or(u64::MAX);
        delivered += count;
        state.counters.chain(direction).fetch_max(chain, Ordering::SeqCst);
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
