//! Reads fields and conditions of an object whose form nobody has checked.

use super::state::Health;
use jiff::Timestamp;
use serde_json::Value;

/// Conditions whose changes say since when an object is ready or failed.
const TELLING: [&str; 8] = [
    "Ready",
    "Available",
    "Progressing",
    "Complete",
    "Failed",
    "Established",
    "Stalled",
    "Reconciling",
];
/// An object has a handful of conditions. Someone may write thousands.
const MAX_CONDITIONS: usize = 64;

pub(in crate::resource) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A number of the status; 0 if it is absent.
pub(super) fn status(object: &Value, name: &str) -> i64 {
    let status = object.pointer("/status");
    status
        .and_then(|status| status.get(name))
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

pub(in crate::resource) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(in crate::resource) struct Condition<'a> {
    pub(in crate::resource) status: &'a str,
    pub(in crate::resource) reason: &'a str,
    pub(in crate::resource) message: &'a str,
    /// `lastUpdateTime`, which the conditions of a Deployment have.
    pub(in crate::resource) updated: &'a str,
}

impl Condition<'_> {
    pub(in crate::resource) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(in crate::resource) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The message; the reason where there is no message.
    pub(super) fn why(&self) -> String {
        match (self.message, self.reason) {
            ("", "") => "no reason is given".to_owned(),
            ("", reason) => reason.to_owned(),
            (message, _) => message.to_owned(),
        }
    }
}

pub(in crate::resource) fn condition<'a>(object: &'a Value, name: &str) -> Option<Condition<'a>> {
    let found = conditions(object).find(|item| text(item, "/type") == name)?;
    Some(Condition {
        status: text(found, "/status"),
        reason: text(found, "/reason"),
        message: text(found, "/message"),
        updated: text(found, "/lastUpdateTime"),
    })
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object.pointer("/status/conditions").and_then(Value::as_array);
    all.into_iter().flatten().take(MAX_CONDITIONS)
}

/// The last change of a condition that says whether the object works.
pub(super) fn latest_transition(object: &Value) -> Option<Timestamp> {
    let telling = conditions(object).filter(|item| TELLING.contains(&text(item, "/type")));
    let time = |item: &Value, key: &str| text(item, key).parse::<Timestamp>().ok();
    // A Deployment's condition Progressing keeps its transition over rollouts; its update is the end of the last one.
    let times = telling.filter_map(|item| match text(item, "/type") {
        "Progressing" => time(item, "/lastUpdateTime").or_else(|| time(item, "/lastTransitionTime")),
        _ => time(item, "/lastTransitionTime"),
    });
    times.max()
}

pub(super) fn progressing(message: impl Into<String>) -> Health {
    Health::Progressing(message.into())
}

pub(super) fn failed(message: impl Into<String>) -> Health {
    Health::Failed(message.into())
}
