//! What the messages of all chats have in common.

use crate::port::{Message, Notification, NotificationSeverity};

/// The most bytes of the lines of one message. Chats cut or refuse messages of four thousand characters and more.
const MOST: usize = 3000;

/// A sign that is seen from afar.
pub(super) fn sign(one: &Notification) -> &'static str {
    match (one.is_resolved, one.severity) {
        (true, _) | (false, NotificationSeverity::Info) => "✅",
        (false, NotificationSeverity::Warning) => "⚠️",
        (false, NotificationSeverity::Error) => "🔴",
    }
}

/// `Tidegate ssh://git@github.com/acme/fleet.git main`.
pub(super) fn title(message: &Message) -> String {
    ["Tidegate", &message.repo, &message.branch].join(" ").trim().to_owned()
}

/// A line for each event, made harmless by `escape`, as many as fit; then what is left out.
pub(super) fn lines(message: &Message, escape: impl Fn(&str) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    let mut length = 0;
    let mut left_out = 0_u64;
    for one in &message.notifications {
        let line = format!("{} {}", sign(one), escape(&one.text));
        if length + line.len() > MOST {
            left_out += 1;
            continue;
        }
        length += line.len() + 1;
        lines.push(line);
    }
    if left_out > 0 {
        lines.push(format!("and {left_out} more that found no room in this message"));
    }
    let rest = message.rest();
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}
