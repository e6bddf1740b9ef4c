use super::announced::hash;
use super::lane::Lane;
use super::memory::Memory;
use super::pending::Batch;
use crate::driver::Shutdown;
use crate::model::{Backoff, Printable};
use crate::port::{
    AnnouncedStore, DeliveryFailure, Message, Messenger, Notification, NotificationKind, NotificationSeverity, Retry,
};
use crate::telemetry::redacted;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The longest time that a message is tried. Then its occurrences are lost, and its conditions go into the next message.
const DEADLINE: Duration = Duration::from_secs(600);
/// The delay before the second try, and the longest one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// The longest delay that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest time for one try. The edge has deadlines of its own, and names what was slow.
const TRY: Duration = Duration::from_secs(60);
/// After the drain has begun, the last events come within this time, and their message has as long.
const LAST_EVENTS: Duration = Duration::from_secs(3);
/// A condition that was announced before the start and is not seen within this time ended while no agent ran.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(1800);
/// The longest text of one event, in characters.
const LONGEST_TEXT: usize = 700;

/// Where the events come from, for the messages.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The config repo's address, without a login.
    pub repo: String,
    /// The branch.
    pub branch: String,
}

/// Sends what waits in one lane.
pub struct Outbox {
    lane: Arc<Lane>,
}

/// Everything that a running outbox needs.
struct Sending {
    lane: Arc<Lane>,
    messenger: Arc<dyn Messenger>,
    memory: Memory,
    origin: Origin,
    shutdown: Shutdown,
    jitter: fn() -> f64,
    count: u64,
    is_recalled: bool,
    started: Instant,
}

impl Outbox {
    pub(super) fn of(lane: Arc<Lane>) -> Self {
        Self { lane }
    }

    /// Sends messages until a few seconds after the drain has begun. `outboxes` are given with the receiver of each.
    pub async fn run_all(
        outboxes: Vec<(Self, Arc<dyn Messenger>)>,
        store: Arc<dyn AnnouncedStore>,
        origin: Origin,
        shutdown: Shutdown,
        jitter: fn() -> f64,
    ) {
        let rules: BTreeSet<String> = outboxes
            .iter()
            .map(|(outbox, _)| outbox.lane.rule.name.clone())
            .collect();
        let memory = Memory::new(store, rules);
        let all = outboxes.into_iter().map(|(outbox, messenger)| {
            let sending = Sending {
                lane: outbox.lane,
                messenger,
                memory: memory.clone(),
                origin: origin.clone(),
                shutdown: shutdown.clone(),
                jitter,
                count: 0,
                is_recalled: false,
                started: Instant::now(),
            };
            sending.run()
        });
        futures::future::join_all(all).await;
    }
}

impl Sending {
    async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        while !shutdown.is_begun() {
            tokio::select! {
                () = self.lane.wake.notified() => {}
                () = shutdown.begun() => break,
            }
            if !self.lane.has_pending() {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(self.lane.rule.group) => {}
                () = shutdown.begun() => break,
            }
            self.recall().await;
            self.send().await;
        }
        let closed = async {
            while !self.lane.is_closed() {
                self.lane.wake.notified().await;
            }
        };
        // The last passes end now, and their events are the last.
        drop(tokio::time::timeout(LAST_EVENTS, closed).await);
        drop(tokio::time::timeout(LAST_EVENTS, self.send_last()).await);
    }

    /// Learns what was announced before this process began.
    async fn recall(&mut self) {
        if !self.is_recalled
            && let Some(text) = self.memory.recall(&self.lane.rule.name).await
        {
            self.lane.recall(&text);
            self.is_recalled = true;
        }
        if self.started.elapsed() > CONFIRMED_WITHIN && self.lane.forget_unconfirmed() {
            self.keep().await;
        }
    }

    async fn keep(&self) {
        if self.is_recalled {
            self.memory.keep(&self.lane.rule.name, self.lane.text()).await;
        }
    }

    async fn send_last(&mut self) {
        if self.lane.has_pending() {
            self.recall().await;
            self.send().await;
        }
    }

    /// Sends what waits as one message, and tries again until the deadline.
    async fn send(&mut self) {
        let (batch, dropped) = self.lane.take();
        let rule = &*self.lane.rule.name;
        if dropped > 0 {
            self.lane.metrics.notifications().dropped(rule, dropped);
            tracing::warn!(
                rule,
                events = dropped,
                "too many conditions at once: some are not announced"
            );
        }
        if batch.notifications.is_empty() {
            return;
        }
        self.count += 1;
        let message = self.message(&batch);
        match self.deliver(&message).await {
            Ok(()) => {
                self.lane.metrics.notifications().sent(rule, message.count());
                self.lane.announced(batch.states);
                self.keep().await;
            }
            Err(failure) => {
                self.lane.metrics.notifications().dropped(rule, message.count());
                tracing::error!(rule, events = message.count(), %failure, "notification given up");
                let is_worth_it = failure.retry != Retry::Never;
                self.lane
                    .put_back(batch.states.into_iter().filter(|_| is_worth_it).collect());
            }
        }
    }

    async fn deliver(&self, message: &Message) -> Result<(), DeliveryFailure> {
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        let end = Instant::now() + DEADLINE;
        let mut is_reported = false;
        loop {
            let tried = tokio::time::timeout(TRY, self.messenger.deliver(message)).await;
            let failure = match tried {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => DeliveryFailure {
                    message: format!("the receiver did not answer within {} seconds", TRY.as_secs()),
                    retry: Retry::Later,
                },
            };
            self.lane.metrics.notifications().failed(&self.lane.rule.name);
            let delay = backoff.failed_with_jitter((self.jitter)());
            let delay = match failure.retry {
                Retry::Never => return Err(failure),
                Retry::Later => delay,
                Retry::After(asked) => delay.max(asked.min(LONGEST_WAIT)),
            };
            if Instant::now() + delay > end || self.shutdown.is_begun() {
                return Err(failure);
            }
            if !is_reported {
                is_reported = true;
                tracing::warn!(rule = %self.lane.rule.name, %failure, "notification not delivered, trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.shutdown.begun() => {}
            }
        }
    }

    fn message(&self, batch: &Batch) -> Message {
        let rule = &self.lane.rule;
        let fill = |notification: &Notification| filled(&rule.template.fill(notification), notification);
        let notifications: Vec<Notification> = batch.notifications.iter().map(fill).collect();
        let first = notifications.first().map(|one| one.at);
        Message {
            rule: rule.name.clone(),
            repo: self.origin.repo.clone(),
            branch: self.origin.branch.clone(),
            id: hash(&format!(
                "{} {first:?} {} {}",
                rule.name,
                self.count,
                std::process::id()
            )),
            notifications,
            more: batch.more.clone(),
        }
    }
}

fn filled(text: &str, notification: &Notification) -> Notification {
    let text = redacted(text);
    let text = match notification.is_resolved {
        true => format!("over: {text}"),
        false => text,
    };
    Notification {
        text: Printable::new(&text).with_blanks().at_most(LONGEST_TEXT).to_string(),
        facts: redacted(&notification.facts),
        ..notification.clone()
    }
}

/// The message with which a person tries a receiver.
pub fn test_message(rule: &str, origin: &Origin) -> Message {
    let now = Timestamp::now();
    let text = format!("this is a test of the notification {rule}");
    Message {
        rule: rule.to_owned(),
        repo: origin.repo.clone(),
        branch: origin.branch.clone(),
        id: hash(&format!("{rule} {now}")),
        notifications: vec![Notification {
            kind: NotificationKind::Test,
            severity: NotificationSeverity::Info,
            is_resolved: false,
            target: None,
            path: None,
            object: None,
            commit: None,
            facts: text.clone(),
            text,
            at: now,
            condition: String::new(),
        }],
        more: BTreeMap::new(),
    }
}
