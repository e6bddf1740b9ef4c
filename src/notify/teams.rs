use super::chat::{lines, title};
use crate::port::Message;
use serde_json::{Value, json};

/// An Adaptive Card in the envelope that a workflow of Teams with the trigger "When a Teams webhook request is received" takes.
pub(super) fn body(message: &Message) -> Value {
    let block = |text: String| json!({"type": "TextBlock", "text": text, "wrap": true, "spacing": "Small"});
    let mut blocks =
        vec![json!({"type": "TextBlock", "text": escape(&title(message)), "weight": "Bolder", "wrap": true})];
    blocks.extend(lines(message, escape).into_iter().map(block));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": blocks,
            },
        }],
    })
}

/// The characters with which the Markdown of a card begins something.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "*_[]`\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
