//! What hides secrets in the words of servers.

#[path = "../../src/telemetry/encodings.rs"]
mod encodings;
#[path = "../../src/telemetry/redaction.rs"]
mod redaction;

pub(crate) use redaction::redacted;
