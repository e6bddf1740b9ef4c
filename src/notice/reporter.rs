use super::event::Event;
use crate::model::{Repository, TargetId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A set of conditions that one loop reports as a whole. Targets report their own conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Whether the branch can be fetched.
    Fetch,
    /// Whether the branch's head may be applied.
    Head,
    /// Whether the tags of a repository can be listed.
    Scan(Repository),
    /// Whether the whole history is read for holds.
    History,
    /// What cannot be used at the branch's head.
    Findings,
    /// The decisions about image fields.
    Fields,
    /// Why planned bumps are not made.
    Bumps,
    /// Which bumps stay although their images fail.
    Rollouts,
    /// Whether a target answers.
    Target(TargetId),
    /// What is not as declared in a target.
    Problems(TargetId),
    /// Which objects of a target hang on a finalizer or do not become ready.
    Unsettled(TargetId),
    /// Why a target's pass could not run.
    Passes(TargetId),
    /// The commit that a target is at.
    Commit(TargetId),
    /// Whether the commit that a target is at is healthy.
    Health(TargetId),
    /// Which HelmReleases of a target are not carried out.
    Releases(TargetId),
    /// What of a target's pull secrets is not as the rules say.
    PullSecrets(TargetId),
    /// What is not as the rules for mirrors say.
    Mirrors(TargetId),
    /// Whether the deploy key can be read.
    Key,
    /// The next deploy key.
    NextKey,
    /// Why the next deploy key is not in use.
    Rotation,
    /// What the deploy key or login may do.
    Access,
    /// Whether the agent's own signature counts.
    Signer,
}

/// How an event relates to the reports before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An occurrence: reported once.
    Once,
    /// A condition that did not hold at the last report.
    New,
    /// A condition that held at the last report, with another reason.
    Changed,
    /// A condition that held at the last report, for the same reason.
    Still,
    /// A condition that held at the last report and holds no longer.
    Over,
}

/// An event on its way to a sink.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The event. A condition that is over comes as it was last reported.
    pub event: &'a Event,
    /// Whether the event is new.
    pub phase: Phase,
}

/// Takes every event: writes a log line, counts, queues a message. Returns at once and never waits for a network.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event.
    fn receive(&self, notice: Notice<'_>);
}

/// Hands events to all sinks, and knows which conditions hold. A clone reports to the same sinks and knows the same
/// conditions.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    sinks: Vec<Box<dyn Sink>>,
    /// The conditions of the last report of each topic, by identity.
    present: Mutex<BTreeMap<Topic, BTreeMap<String, Event>>>,
}

impl Phase {
    /// Whether people should hear of the event: an occurrence, or a condition that is new or changed.
    pub fn is_news(self) -> bool {
        matches!(self, Self::Once | Self::New | Self::Changed)
    }
}

impl Reporter {
    /// Reports to these sinks, in this order.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self(Arc::new(Inner {
            sinks,
            present: Mutex::default(),
        }))
    }

    /// Reports an occurrence.
    pub fn happened(&self, event: impl Into<Event>) {
        self.send(&event.into(), Phase::Once);
    }

    /// Reports all conditions of a topic that hold now, in the order given; then the conditions that are over. True if a
    /// condition is new or changed.
    pub fn present<E: Into<Event>>(&self, topic: Topic, events: impl IntoIterator<Item = E>) -> bool {
        // The lock spans the sinks, so that two reports of one topic reach every sink in one order.
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        let before = present.remove(&topic).unwrap_or_default();
        let mut now = BTreeMap::new();
        let mut is_news = false;
        for event in events {
            let event: Event = event.into();
            let identity = event.identity();
            if now.contains_key(&identity) {
                continue;
            }
            let phase = phase_of(&event, before.get(&identity));
            is_news |= phase != Phase::Still;
            self.send(&event, phase);
            now.insert(identity, event);
        }
        for (identity, event) in &before {
            if !now.contains_key(identity) {
                self.send(event, Phase::Over);
            }
        }
        if !now.is_empty() {
            present.insert(topic, now);
        }
        is_news
    }

    /// Reports conditions of a topic that may have changed. All other conditions of the topic hold as they were last reported,
    /// and no sink hears of them. True if a condition is new or changed.
    pub fn present_changes<E: Into<Event>>(&self, topic: Topic, events: impl IntoIterator<Item = E>) -> bool {
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_news = false;
        for event in events {
            let event: Event = event.into();
            let conditions = present.entry(topic.clone()).or_default();
            let phase = phase_of(&event, conditions.get(&event.identity()));
            is_news |= phase != Phase::Still;
            self.send(&event, phase);
            conditions.insert(event.identity(), event);
        }
        is_news
    }

    fn send(&self, event: &Event, phase: Phase) {
        for sink in &self.0.sinks {
            sink.receive(Notice { event, phase });
        }
    }
}

/// The phase of a condition that holds, by the report before.
fn phase_of(event: &Event, before: Option<&Event>) -> Phase {
    match before {
        None => Phase::New,
        Some(known) if known.version() != event.version() => Phase::Changed,
        Some(_) => Phase::Still,
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}
