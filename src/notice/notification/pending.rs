use super::announced::Announced;
use crate::port::{Notification, NotificationKind};
use std::collections::BTreeMap;

/// The most events that a message lists. More is not read by anybody; the others are counted.
const LISTED: usize = 50;
/// The most conditions that wait for a message. A rule that is met by more of them sends a message, and the rest is counted.
const CONDITIONS: usize = 4096;

/// What waits for the next message of a rule.
#[derive(Debug, Default)]
pub(super) struct Pending {
    occurrences: Listed,
    conditions: BTreeMap<String, State>,
    /// The events that found no room, and that no message counts.
    dropped: u64,
}

/// The newest state of a condition.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The condition holds, in this state.
    Holds(Notification, String),
    /// The condition is over; people hear of its end if they heard of its beginning.
    Over(Notification),
    /// The condition has a state that the rule leaves out.
    Silent,
}

/// The most severe of many notifications, and how many others there are.
#[derive(Debug, Default)]
struct Listed {
    listed: Vec<Notification>,
    more: BTreeMap<NotificationKind, u64>,
}

/// What goes into one message, and what to note when the message is delivered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) notifications: Vec<Notification>,
    pub(super) more: BTreeMap<NotificationKind, u64>,
    /// The conditions whose state is announced by the message.
    pub(super) states: Vec<(String, State)>,
}

impl Listed {
    fn add(&mut self, notification: Notification) {
        self.listed.push(notification);
        if self.listed.len() <= LISTED {
            return;
        }
        // Of the least severe ones the newest goes.
        let least = self.listed.iter().map(|one| one.severity).min();
        let at = self.listed.iter().rposition(|one| Some(one.severity) == least);
        if let Some(at) = at {
            let left_out = self.listed.remove(at);
            *self.more.entry(left_out.kind).or_default() += 1;
        }
    }
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.occurrences.listed.is_empty() && self.conditions.is_empty()
    }

    pub(super) fn happened(&mut self, notification: Notification) {
        self.occurrences.add(notification);
    }

    /// Whether the condition waits for a message.
    pub(super) fn has(&self, condition: &str) -> bool {
        self.conditions.contains_key(condition)
    }

    /// Sets the newest state of a condition.
    pub(super) fn set(&mut self, condition: String, state: State) {
        if self.conditions.len() < CONDITIONS || self.has(&condition) {
            self.conditions.insert(condition, state);
        } else {
            self.dropped += 1;
        }
    }

    /// Puts a state back that was not announced, unless the condition has a newer one.
    pub(super) fn put_back(&mut self, condition: String, state: State) {
        if !self.has(&condition) {
            self.set(condition, state);
        }
    }

    /// How many events found no room since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes everything that people do not know yet.
    pub(super) fn take(&mut self, announced: &mut Announced) -> Batch {
        let mut listed = std::mem::take(&mut self.occurrences);
        let mut states = Vec::new();
        for (condition, state) in std::mem::take(&mut self.conditions) {
            let news = match &state {
                State::Holds(notification, version) => {
                    let is_known = announced.confirms(&condition, notification.kind, version);
                    (!is_known).then(|| notification.clone())
                }
                State::Over(notification) => announced.kind(&condition).map(|kind| Notification {
                    kind,
                    is_resolved: true,
                    ..notification.clone()
                }),
                State::Silent => {
                    announced.forget(&condition);
                    None
                }
            };
            if let Some(news) = news {
                listed.add(news);
                states.push((condition, state));
            }
        }
        let mut notifications = listed.listed;
        notifications.sort_by_key(|one| one.at);
        Batch {
            notifications,
            more: listed.more,
            states,
        }
    }
}
