use super::chat::{lines, title};
use crate::port::Message;
use serde_json::{Value, json};

/// The longest message that Discord takes, in characters.
const MOST: usize = 2000;

/// A message in Discord's Markdown. It mentions nobody, whatever its text says.
pub(super) fn body(message: &Message) -> Value {
    let text = format!("**{}**\n{}", escape(&title(message)), lines(message, escape).join("\n"));
    let text = match text.chars().count() > MOST {
        true => text.chars().take(MOST - 1).chain(['…']).collect(),
        false => text,
    };
    json!({"content": text, "allowed_mentions": {"parse": []}})
}

/// The characters with which Discord's Markdown begins something.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "*_~`|>\\[]".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
