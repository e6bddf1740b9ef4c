use super::chat::{lines, title};
use crate::port::Message;
use serde_json::{Value, json};

/// A message in Slack's markup. Slack links no user, group or channel from an escaped text.
pub(super) fn body(message: &Message) -> Value {
    let text = format!("*{}*\n{}", escape(&title(message)), lines(message, escape).join("\n"));
    json!({"text": text, "unfurl_links": false, "unfurl_media": false})
}

/// Slack's three control characters.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
