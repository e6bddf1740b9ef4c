//! GitLab's merge requests and notes.

use anyhow::Result;
use serde_json::{Value, json};

use super::description::Description;
use super::server::{Api, Ask, ForgeServer};
use super::{Kept, Stand, State, TOKEN, page, text};

/// Merge requests of `acme/infra/fleet`.
#[derive(Debug, Default)]
pub struct GitLab {
    stand: Stand,
}

/// The project's number at the server.
const PROJECT: u64 = 7;

impl GitLab {
    /// Serves it; `description` is what GitLab has published.
    ///
    /// # Errors
    /// When the description cannot be read, or there is no port.
    pub async fn start(description: &str) -> Result<ForgeServer<GitLab>> {
        ForgeServer::start(Description::openapi(description)?, GitLab::default()).await
    }
}

fn merge_request(kept: &Kept) -> Value {
    let state = match kept.state {
        State::Open => "opened",
        State::Closed => "closed",
        State::Merged => "merged",
    };
    json!({
        "id": 1000 + kept.number, "iid": kept.number, "project_id": PROJECT,
        "title": kept.title, "description": if kept.body.is_empty() { Value::Null } else { kept.body.as_str().into() },
        "state": state, "created_at": "2026-01-02T03:04:05.000Z",
        "merged_at": if kept.state == State::Merged { "2026-01-02T03:04:05.000Z".into() } else { Value::Null },
        "source_branch": kept.from, "target_branch": kept.into,
        "source_project_id": if kept.is_fork { PROJECT + 1 } else { PROJECT }, "target_project_id": PROJECT,
        "labels": kept.labels, "draft": false, "sha": "8888888888888888888888888888888888888888",
        "author": {"id": 1, "username": "tidegate", "name": "Tidegate", "state": "active"},
        "web_url": format!("https://gitlab.example.com/acme/infra/fleet/-/merge_requests/{}", kept.number),
    })
}

/// Names of labels: a list, or a text with commas between them.
fn names(value: Option<&Value>) -> Vec<String> {
    let split = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    match value {
        Some(Value::String(text)) => split(text),
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_str).flat_map(split).collect(),
        _ => Vec::new(),
    }
}

impl super::Stands for GitLab {
    fn stand(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

impl Api for GitLab {
    fn base(&self) -> &'static str {
        "/api/v4"
    }

    fn faults(&self, ask: &Ask) -> Vec<String> {
        match ask.header("private-token") {
            TOKEN => Vec::new(),
            other => vec![format!("private-token is {other:?}")],
        }
    }

    fn answer(&mut self, ask: &Ask) -> (u16, Value) {
        let missing = || (404, json!({"message": "404 Not found"}));
        let parts: Vec<&str> = ask.path.trim_start_matches('/').split('/').collect();
        let ["projects", "acme%2Finfra%2Ffleet", "merge_requests", rest @ ..] = parts.as_slice() else {
            return missing();
        };
        match (ask.method.as_str(), rest) {
            ("GET", []) => {
                let matches =
                    |kept: &&Kept| kept.from == ask.query("source_branch") && kept.into == ask.query("target_branch");
                let matching: Vec<&Kept> = self.stand.newest().filter(matches).collect();
                let here = page(&matching, ask.query("page"), ask.query("per_page"), 20);
                (200, here.iter().map(|kept| merge_request(kept)).collect())
            }
            ("POST", []) => {
                let (from, into) = (text(ask, "source_branch"), text(ask, "target_branch"));
                if self.stand.is_open(&from, &into) {
                    let message = "Another open merge request already exists for this source branch: !1";
                    return (409, json!({"message": [message]}));
                }
                let number = self
                    .stand
                    .open(&from, &into, &text(ask, "title"), &text(ask, "description"));
                let labels = names(ask.member("labels"));
                let Some(kept) = self.stand.get(number) else {
                    return missing();
                };
                kept.labels = labels;
                (201, merge_request(kept))
            }
            ("PUT", [number]) => {
                let Some(kept) = self.stand.numbered(number) else {
                    return missing();
                };
                kept.change(ask.member("title"), ask.member("description"));
                kept.labels.extend(names(ask.member("add_labels")));
                if ask.member("state_event") == Some(&"close".into()) {
                    kept.state = State::Closed;
                }
                (200, merge_request(kept))
            }
            ("POST", [number, "notes"]) => {
                let Some(kept) = self.stand.numbered(number) else {
                    return missing();
                };
                kept.comments.push(text(ask, "body"));
                let author = json!({"id": 1, "username": "tidegate", "name": "Tidegate", "state": "active"});
                (
                    201,
                    json!({"id": 302, "body": text(ask, "body"), "author": author, "system": false,
                    "noteable_type": "MergeRequest", "noteable_iid": kept.number, "created_at": "2026-01-02T03:04:05.000Z"}),
                )
            }
            _ => missing(),
        }
    }
}
