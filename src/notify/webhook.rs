use super::request::Request;
use crate::model::Secret;
use crate::port::{Message, Notification};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

/// The header with the HMAC-SHA256 of the body, as `sha256=<hexadecimal digits>`.
const SIGNATURE: &str = "X-Tidegate-Signature-256";
/// The header that is the same for each try of a message.
const DELIVERY: &str = "X-Tidegate-Delivery";

/// The JSON of a message. A change that breaks its readers gets another `version`.
fn body(message: &Message) -> Value {
    let more: BTreeMap<&str, u64> = message
        .more
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let events: Vec<Value> = message.notifications.iter().map(event).collect();
    json!({
        "version": 1,
        "id": message.id,
        "notification": message.rule,
        "repo": message.repo,
        "branch": message.branch,
        "severity": message.severity().as_str(),
        "count": message.count(),
        "events": events,
        "more": more,
    })
}

fn event(one: &Notification) -> Value {
    json!({
        "event": one.kind.as_str(),
        "severity": one.severity.as_str(),
        "resolved": one.is_resolved,
        "text": one.text,
        "target": one.target,
        "path": one.path,
        "object": one.object,
        "commit": one.commit.map(|commit| commit.to_string()),
        "time": one.at.to_string(),
    })
}

pub(super) fn request(url: Secret, secret: Option<&Secret>, message: &Message) -> Request {
    let mut request = Request::json(url, &body(message));
    request.headers.push((DELIVERY, Secret::new(message.id.clone())));
    if let Some(signature) = secret.and_then(|secret| signature(secret, &request.body)) {
        request.headers.push((SIGNATURE, Secret::new(signature)));
    }
    request
}

/// An HMAC takes a key of any length.
fn signature(secret: &Secret, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(body);
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the example in GitHub's documentation of webhooks.
    #[test]
    fn the_signature_is_the_one_that_receivers_of_github_s_webhooks_check() {
        let signature = signature(&Secret::new("It's a Secret to Everybody"), b"Hello, World!");
        assert_eq!(
            signature.as_deref(),
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
        );
    }
}
