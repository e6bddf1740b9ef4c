use super::announced::Announced;
use super::described::Described;
use super::pending::{Batch, Pending, State};
use super::rule::Rule;
use crate::notice::reporter::Phase;
use crate::port::NotificationKind;
use crate::telemetry::Metrics;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// One rule and what waits for its receiver.
pub(super) struct Lane {
    pub(super) rule: Rule,
    pub(super) metrics: Metrics,
    /// Woken when something waits, and when nothing more comes.
    pub(super) wake: Notify,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    pending: Pending,
    announced: Announced,
    /// The conditions of the message that is on its way.
    in_flight: BTreeSet<String>,
    is_closed: bool,
}

/// Whether a state of a commit ends what was wrong with the target.
fn goes_well(kind: NotificationKind) -> bool {
    matches!(kind, NotificationKind::Applied | NotificationKind::Healthy)
}

impl Lane {
    pub(super) fn new(rule: Rule, metrics: &Metrics) -> Self {
        metrics.notifications().add_rule(&rule.name);
        Self {
            rule,
            metrics: metrics.clone(),
            wake: Notify::new(),
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event. Returns at once.
    pub(super) fn offer(&self, described: &Described, phase: Phase) {
        let mut inner = self.lock();
        let Inner {
            pending,
            announced,
            in_flight,
            ..
        } = &mut *inner;
        match described {
            Described::Nothing => return,
            Described::Occurrence(all) => {
                let all = all.iter().filter(|notification| self.rule.lets_in(notification));
                all.for_each(|notification| pending.happened(notification.clone()));
            }
            Described::Condition(condition) => {
                let is_known = pending.has(&condition.id)
                    || in_flight.contains(&condition.id)
                    || announced.kind(&condition.id).is_some();
                let notification = condition.notification.clone();
                let state = match &condition.version {
                    _ if phase == Phase::Over && condition.is_state => return,
                    Some(version) if phase != Phase::Over && self.rule.lets_in(&notification) => {
                        State::Holds(notification, version.clone())
                    }
                    _ if !is_known => return,
                    // What was wrong is right now; the rule may leave out what goes well.
                    _ if condition.is_state && !goes_well(notification.kind) => State::Silent,
                    _ => State::Over(notification),
                };
                pending.set(condition.id.clone(), state);
            }
        }
        if !pending.is_empty() {
            self.wake.notify_one();
        }
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.lock().pending.is_empty()
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Takes what people do not know yet, and counts what found no room.
    pub(super) fn take(&self) -> (Batch, u64) {
        let mut inner = self.lock();
        let Inner { pending, announced, .. } = &mut *inner;
        let (batch, dropped) = (pending.take(announced), pending.take_dropped());
        inner.in_flight = batch.states.iter().map(|(condition, _)| condition.clone()).collect();
        (batch, dropped)
    }

    /// Notes what a delivered message announced.
    pub(super) fn announced(&self, states: Vec<(String, State)>) {
        let mut inner = self.lock();
        inner.in_flight.clear();
        for (condition, state) in states {
            match state {
                State::Holds(notification, version) => inner.announced.note(&condition, notification.kind, &version),
                State::Over(_) | State::Silent => inner.announced.forget(&condition),
            }
        }
    }

    /// Takes the conditions of a message that was given up: they go into the next one, if they still hold.
    pub(super) fn put_back(&self, states: Vec<(String, State)>) {
        let mut inner = self.lock();
        inner.in_flight.clear();
        self.wake.notify_one();
        for (condition, state) in states {
            inner.pending.put_back(condition, state);
        }
    }

    /// What is kept for the next process.
    pub(super) fn text(&self) -> String {
        self.lock().announced.text()
    }

    pub(super) fn recall(&self, text: &str) {
        self.lock().announced.recall(Announced::parse(text));
    }

    pub(super) fn forget_unconfirmed(&self) -> bool {
        self.lock().announced.forget_unconfirmed()
    }
}
