use super::notify::Notify;
use super::observed::Observed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The store that a target's watches write. Loops read it and are woken by its changes.
#[derive(Debug, Default)]
pub struct ObservedStore {
    observed: Mutex<Observed>,
    /// One channel for each subscriber: tokio wakes the receivers of one channel in an order that differs from run to run, and
    /// a simulation with the same seed must be the same. There are two subscribers at most.
    subscribers: Mutex<Vec<Subscriber>>,
}

#[derive(Debug)]
struct Subscriber {
    channel: watch::Sender<u64>,
    /// Whether the subscriber waits for the loop's own writes, too.
    awaits_own: bool,
}

impl ObservedStore {
    /// Reads under the lock. `reader` must not block: writers wait for it.
    pub fn read<R>(&self, reader: impl FnOnce(&Observed) -> R) -> R {
        reader(&self.lock())
    }

    /// Writes under the lock. `writer` returns who is woken; true: everybody.
    pub fn update<N: Into<Notify>>(&self, writer: impl FnOnce(&mut Observed) -> N) {
        let notify = writer(&mut self.lock()).into();
        if notify == Notify::Nobody {
            return;
        }
        self.subscribers().retain(|subscriber| {
            if notify == Notify::Everybody || subscriber.awaits_own {
                subscriber.channel.send_modify(|count| *count = count.wrapping_add(1));
            }
            !subscriber.channel.is_closed()
        });
    }

    /// Changes under the lock, wakes nobody, and returns what `writer` returns.
    pub fn change<R>(&self, writer: impl FnOnce(&mut Observed) -> R) -> R {
        writer(&mut self.lock())
    }

    /// Wakes at each change. The value is a counter without meaning.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.add_subscriber(true)
    }

    /// Wakes at each change that is not the loop's own write.
    pub fn subscribe_to_others(&self) -> watch::Receiver<u64> {
        self.add_subscriber(false)
    }

    fn add_subscriber(&self, awaits_own: bool) -> watch::Receiver<u64> {
        let (channel, receiver) = watch::channel(0);
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| !subscriber.channel.is_closed());
        subscribers.push(Subscriber { channel, awaits_own });
        receiver
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
