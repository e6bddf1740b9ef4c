use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The most connections of one peer: all calls that may wait for a pass, from one pod of a CI system, and some more. No two
/// peers can take all connections.
const MOST_OF_ONE: usize = 96;

/// The requests that a peer may make at once without proof in the headers: a forge reports a push of thirty branches.
const BURST: f64 = 30.0;
/// How many more such requests are allowed each second.
const PER_SECOND: f64 = 1.0;
/// The peers whose requests are counted. A peer that has been quiet for half a minute is forgotten first.
const MOST_PEERS: usize = 4096;

/// Where a request comes from. Addresses of one IPv6 network count as one, because one machine may use all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    /// Whether the request comes from this machine; in a pod: from the same pod, or through `kubectl port-forward`.
    pub(super) fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let [a, b, c, d, ..] = ip.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            ip => Self(ip),
        }
    }
}

/// The open connections of each peer.
#[derive(Default)]
pub(super) struct Peers(Mutex<HashMap<Peer, usize>>);

/// One open connection of a peer. Dropping it closes the count.
pub(super) struct OpenConnection {
    peers: Arc<Peers>,
    peer: Peer,
}

impl Peers {
    /// Counts a connection; `None` if the peer has too many.
    pub(super) fn enter(self: &Arc<Self>, peer: Peer) -> Option<OpenConnection> {
        let mut open = locked(&self.0);
        let count = open.entry(peer).or_default();
        if *count >= MOST_OF_ONE {
            return None;
        }
        *count += 1;
        Some(OpenConnection {
            peers: Arc::clone(self),
            peer,
        })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut open = locked(&self.peers.0);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// A bucket of requests for each peer.
#[derive(Default)]
pub(super) struct PeerRates(Mutex<HashMap<Peer, (f64, Instant)>>);

impl PeerRates {
    /// Takes one request from the peer's bucket. False if the bucket is empty.
    pub(super) fn allows(&self, peer: Peer, now: Instant) -> bool {
        let mut buckets = locked(&self.0);
        let filled = |(left, since): (f64, Instant)| {
            let more = now.saturating_duration_since(since).as_secs_f64() * PER_SECOND;
            (left + more).min(BURST)
        };
        if buckets.len() >= MOST_PEERS && !buckets.contains_key(&peer) {
            buckets.retain(|_, bucket| filled(*bucket) < BURST);
            if buckets.len() >= MOST_PEERS {
                return false;
            }
        }
        let left = buckets.get(&peer).map_or(BURST, |bucket| filled(*bucket));
        let allowed = left >= 1.0;
        buckets.insert(peer, (if allowed { left - 1.0 } else { left }, now));
        allowed
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn peer(text: &str) -> Peer {
        Peer::from(format!("{text}:1").parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn a_peer_has_a_share_of_the_connections_and_gets_it_back() {
        let peers = Arc::new(Peers::default());
        let open: Vec<_> = (0..MOST_OF_ONE)
            .map(|_| peers.enter(peer("10.0.0.1")).unwrap())
            .collect();
        assert!(peers.enter(peer("10.0.0.1")).is_none());
        assert!(peers.enter(peer("[::ffff:10.0.0.1]")).is_none(), "the same address");
        assert!(peers.enter(peer("10.0.0.2")).is_some());
        drop(open);
        assert!(peers.enter(peer("10.0.0.1")).is_some());
        assert!(locked(&peers.0).is_empty());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        assert_eq!(peer("[2001:db8:1:2::1]"), peer("[2001:db8:1:2:ffff::9]"));
        assert_ne!(peer("[2001:db8:1:2::1]"), peer("[2001:db8:1:3::1]"));
    }

    #[test]
    fn a_peer_that_asks_too_often_waits_and_others_do_not() {
        let (rates, start) = (PeerRates::default(), Instant::now());
        let asked = |peer, at| rates.allows(peer, at);
        let allowed = (0..100).filter(|_| asked(peer("10.0.0.1"), start)).count();
        assert_eq!(allowed, 30);
        assert!(asked(peer("10.0.0.2"), start));
        assert!(asked(peer("10.0.0.1"), start + Duration::from_secs(2)));
        for n in 0..10_000_u32 {
            let address = IpAddr::V4(n.into());
            rates.allows(Peer(address), start + Duration::from_secs(u64::from(n)));
        }
        assert!(locked(&rates.0).len() <= MOST_PEERS);
    }
}
