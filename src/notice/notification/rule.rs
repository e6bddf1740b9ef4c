use super::template::Template;
use crate::model::Wildcard;
use crate::port::{Notification, NotificationKind, NotificationSeverity};
use globset::GlobSet;
use std::collections::BTreeSet;
use std::time::Duration;

/// Which events one receiver gets, and how.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The name in logs and metrics.
    pub name: String,
    /// The kinds of events; empty: all.
    pub kinds: BTreeSet<NotificationKind>,
    /// Files of the config repo. Events about no file pass. `None`: all.
    pub paths: Option<GlobSet>,
    /// Names of targets. Events about no target pass. Empty: all.
    pub targets: Vec<Wildcard>,
    /// Events that matter less do not pass.
    pub severity: NotificationSeverity,
    /// The text of each event.
    pub template: Template,
    /// How long events are collected for one message. No two messages begin within this time.
    pub group: Duration,
}

impl Rule {
    /// Whether the receiver gets a notification.
    pub(super) fn lets_in(&self, notification: &Notification) -> bool {
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&notification.kind);
        let is_path = match (&self.paths, &notification.path) {
            (Some(paths), Some(path)) => paths.is_match(path),
            _ => true,
        };
        let is_target = match &notification.target {
            Some(target) if !self.targets.is_empty() => self.targets.iter().any(|pattern| pattern.matches(target)),
            _ => true,
        };
        is_kind && is_path && is_target && notification.severity >= self.severity
    }
}
