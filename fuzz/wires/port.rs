//! What notifications are, for `config` and `notice`.

#[path = "../../src/port/notifications.rs"]
mod notifications;

pub use notifications::{Message, Notification, NotificationKind, NotificationSeverity};
