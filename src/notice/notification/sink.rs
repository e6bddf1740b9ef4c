use super::describe::describe;
use super::lane::Lane;
use super::outbox::Outbox;
use super::rule::Rule;
use crate::notice::reporter::{Notice, Phase, Sink};
use crate::telemetry::Metrics;
use std::sync::Arc;

/// The sink of all rules.
pub struct Notifications {
    lanes: Vec<Arc<Lane>>,
}

impl Notifications {
    /// The sink, and an outbox for each rule, in the order of the rules.
    pub fn new(rules: Vec<Rule>, metrics: &Metrics) -> (Self, Vec<Outbox>) {
        let lanes: Vec<Arc<Lane>> = rules
            .into_iter()
            .map(|rule| Arc::new(Lane::new(rule, metrics)))
            .collect();
        let outboxes = lanes.iter().map(|lane| Outbox::of(Arc::clone(lane))).collect();
        (Self { lanes }, outboxes)
    }
}

impl Sink for Notifications {
    fn receive(&self, notice: Notice<'_>) {
        if notice.phase == Phase::Still || self.lanes.is_empty() {
            return;
        }
        let described = describe(notice.event);
        for lane in &self.lanes {
            lane.offer(&described, notice.phase);
        }
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        for lane in &self.lanes {
            lane.close();
        }
    }
}
