use super::request::Request;
use crate::model::Secret;
use crate::port::{Message, Notification, NotificationKind, NotificationSeverity};
use serde_json::json;

/// The longest summary that PagerDuty takes, in characters.
const MOST: usize = 1000;

/// An event for each notification: a condition triggers an alert, and its end resolves the same alert.
pub(super) fn requests(api: &str, key: &Secret, message: &Message) -> Vec<Request> {
    let requests = message.notifications.iter().map(|one| {
        // The key of an alert has at most 255 characters.
        let alert = match one.condition.as_str() {
            "" => format!("{} {} {}", message.repo, one.kind.as_str(), one.text),
            condition => format!("{} {condition}", message.repo),
        };
        let action = if ends_an_alert(one) { "resolve" } else { "trigger" };
        let body = json!({
            "routing_key": key.expose(),
            "event_action": action,
            "dedup_key": digest(&alert),
            "client": "Tidegate",
            "payload": {
                "summary": one.text.chars().take(MOST).collect::<String>(),
                "source": message.repo,
                "severity": match one.severity {
                    NotificationSeverity::Info => "info",
                    NotificationSeverity::Warning => "warning",
                    NotificationSeverity::Error => "error",
                },
                "timestamp": one.at.to_string(),
                "component": one.object,
                "group": one.target,
                "class": one.kind.as_str(),
            },
        });
        Request::json(Secret::new(format!("{api}/v2/enqueue")), &body)
    });
    requests.collect()
}

/// `healthy` ends what `degraded` began, and `applied` what `appliedInPart` began.
fn ends_an_alert(one: &Notification) -> bool {
    one.is_resolved || matches!(one.kind, NotificationKind::Healthy | NotificationKind::Applied)
}

fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(text))
}
