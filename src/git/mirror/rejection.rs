//! What the status of a rejected push means.

use crate::git::transport::server_message::{Refusal, meaning, plain};
use crate::port::PushOutcome;

/// What git servers report if the branch moved, or was being moved, between their advertisement and our update.
const RACES: [&str; 13] = [
    "failed to update ref",
    "fetch first",
    "non-fast-forward",
    "non fast forward",
    "stale info",
    "remote ref has changed",
    "incorrect old value",
    "failed to lock",
    "cannot lock ref",
    "unable to lock",
    "lock_failure",
    "but expected",
    "reference already exists",
];

/// A hook or rule that rejects a push is about this push and not about the key.
const RULES: [&str; 3] = ["hook declined", "protected branch", "rule violation"];

/// Whether the branch may have moved.
pub(crate) fn is_race(status: &str) -> bool {
    let status = status.to_lowercase();
    RACES.iter().any(|phrase| status.contains(phrase))
}

/// The outcome of a push that was rejected. `message` is what the server's hooks printed.
pub(crate) fn outcome(status: &str, message: &str) -> PushOutcome {
    let status = plain(status.as_bytes());
    let text = if message.is_empty() {
        status
    } else {
        format!("{status}; {message}")
    };
    let is_rule = RULES.iter().any(|phrase| text.contains(phrase));
    match meaning(&text, true) {
        Refusal::NoWrite if !is_rule => PushOutcome::ReadOnly(text),
        _ => PushOutcome::Refused(text),
    }
}
