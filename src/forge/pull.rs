use super::response::{number, text};
use crate::port::{ChangeRequest, ForgeFailure, RequestState};
use serde_json::Value;

/// Reads a pull request in the form that GitHub and Gitea share.
pub(super) fn request(pull: &Value) -> Result<ChangeRequest, ForgeFailure> {
    let state = match text(pull, "state")?.as_str() {
        "open" => RequestState::Open,
        _ if pull.get("merged_at").is_some_and(|at| !at.is_null()) => RequestState::Merged,
        _ => RequestState::Closed,
    };
    let labels = pull.get("labels").and_then(Value::as_array).into_iter().flatten();
    let labels = labels.filter_map(|label| label.get("name")?.as_str());
    Ok(ChangeRequest {
        id: number(pull, "number")?.to_string(),
        url: text(pull, "html_url")?,
        title: text(pull, "title")?,
        body: pull.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
        labels: labels.map(str::to_owned).collect(),
        state,
    })
}
