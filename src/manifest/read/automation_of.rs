use crate::manifest::automation_intent::AutomationIntent;
use crate::manifest::read::open::read;
use crate::model::{Position, RepoPath};
use serde_json::Value;

/// What annotations ask of automation that a kustomization has written. The position of their policies is that of the object.
pub(crate) fn automation_of(annotations: Vec<(String, Value)>, position: Position) -> AutomationIntent {
    let annotations: serde_json::Map<String, Value> = annotations.into_iter().collect();
    let object = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rendered", "annotations": annotations},
    });
    let reading = read(&RepoPath::default(), object.to_string().as_bytes());
    let mut automation = reading
        .documents
        .into_iter()
        .next()
        .map(|document| document.automation)
        .unwrap_or_default();
    automation.move_to(position);
    automation
}
