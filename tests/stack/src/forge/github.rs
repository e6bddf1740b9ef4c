//! GitHub's pull requests, their labels and comments, in answers made of GitHub's own examples.

use anyhow::Result;
use serde_json::{Value, json};

use super::description::Description;
use super::server::{Api, Ask, ForgeServer};
use super::{Kept, Stand, State, TOKEN, page, text};

/// Pull requests of `acme/fleet`.
#[derive(Debug)]
pub struct GitHub {
    one: Value,
    listed: Value,
    label: Value,
    comment: Value,
    stand: Stand,
}

impl GitHub {
    /// Serves it; `description` is GitHub's own.
    ///
    /// # Errors
    /// When the description cannot be read, or there is no port.
    pub async fn start(description: &str) -> Result<ForgeServer<GitHub>> {
        let description = Description::openapi(description)?;
        let api = GitHub {
            one: description.example("pull-request"),
            listed: description.example("pull-request-simple-items")[0].clone(),
            label: description.example("label-items")[0].clone(),
            comment: description.example("issue-comment"),
            stand: Stand::default(),
        };
        ForgeServer::start(description, api).await
    }

    fn pull(&self, kept: &Kept, is_list: bool) -> Value {
        let mut pull = if is_list { self.listed.clone() } else { self.one.clone() };
        // The example's team lacks what the schema wants of a team.
        pull["requested_teams"] = json!([]);
        pull["number"] = kept.number.into();
        pull["html_url"] = format!("https://github.com/acme/fleet/pull/{}", kept.number).into();
        pull["title"] = kept.title.as_str().into();
        pull["body"] = if kept.body.is_empty() {
            Value::Null
        } else {
            kept.body.as_str().into()
        };
        pull["state"] = if kept.state == State::Open { "open" } else { "closed" }.into();
        let time = || Value::from("2026-01-02T03:04:05Z");
        pull["closed_at"] = if kept.state == State::Open { Value::Null } else { time() };
        pull["merged_at"] = if kept.state == State::Merged {
            time()
        } else {
            Value::Null
        };
        if !is_list {
            pull["merged"] = (kept.state == State::Merged).into();
        }
        pull["head"]["ref"] = kept.from.as_str().into();
        pull["head"]["label"] = format!("{}:{}", if kept.is_fork { "stranger" } else { "acme" }, kept.from).into();
        pull["base"]["ref"] = kept.into.as_str().into();
        pull["labels"] = kept.labels.iter().map(|name| self.label(name)).collect();
        pull
    }

    fn label(&self, name: &str) -> Value {
        let mut label = self.label.clone();
        label["name"] = name.into();
        label
    }
}

impl super::Stands for GitHub {
    fn stand(&mut self) -> &mut Stand {
        &mut self.stand
    }
}

impl Api for GitHub {
    fn base(&self) -> &'static str {
        ""
    }

    /// GitHub rejects a client without a user agent.
    fn faults(&self, ask: &Ask) -> Vec<String> {
        let expected = [
            ("authorization", format!("Bearer {TOKEN}")),
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        let mut found: Vec<String> = expected
            .iter()
            .filter(|(name, value)| ask.header(name) != value)
            .map(|(name, value)| format!("{name} is {:?}, not {value:?}", ask.header(name)))
            .collect();
        if ask.header("user-agent").is_empty() {
            found.push("no user-agent".to_owned());
        }
        found
    }

    fn answer(&mut self, ask: &Ask) -> (u16, Value) {
        let missing = || {
            (
                404,
                json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}),
            )
        };
        let parts: Vec<&str> = ask.path.trim_start_matches('/').split('/').collect();
        let ["repos", "acme", "fleet", rest @ ..] = parts.as_slice() else {
            return missing();
        };
        match (ask.method.as_str(), rest) {
            ("GET", ["pulls"]) => {
                let matches = |kept: &&Kept| {
                    let head = format!("{}:{}", if kept.is_fork { "stranger" } else { "acme" }, kept.from);
                    let state = match ask.query("state") {
                        "all" => true,
                        "closed" => kept.state != State::Open,
                        _ => kept.state == State::Open,
                    };
                    state
                        && (ask.query("head").is_empty() || ask.query("head") == head)
                        && ask.query("base") == kept.into
                };
                let matching: Vec<&Kept> = self.stand.newest().filter(matches).collect();
                let pulls = page(&matching, ask.query("page"), ask.query("per_page"), 30);
                (200, pulls.iter().map(|kept| self.pull(kept, true)).collect())
            }
            ("POST", ["pulls"]) => {
                let (from, into) = (text(ask, "head"), text(ask, "base"));
                if self.stand.is_open(&from, &into) {
                    let error = json!({"resource": "PullRequest", "code": "custom",
                        "message": format!("A pull request already exists for acme:{from}.")});
                    return (
                        422,
                        json!({"message": "Validation Failed", "errors": [error],
                        "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request"}),
                    );
                }
                let number = self.stand.open(&from, &into, &text(ask, "title"), &text(ask, "body"));
                let kept = self.stand.get(number).cloned().unwrap_or_default();
                (201, self.pull(&kept, false))
            }
            ("PATCH", ["pulls", number]) => {
                let Some(kept) = self.stand.numbered(number) else {
                    return missing();
                };
                kept.change(ask.member("title"), ask.member("body"));
                if ask.member("state") == Some(&"closed".into()) {
                    kept.state = State::Closed;
                }
                let kept = kept.clone();
                (200, self.pull(&kept, false))
            }
            ("POST", ["issues", number, "labels"]) => {
                let names: Vec<String> = ask
                    .member("labels")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(|label| label.as_str().map(str::to_owned))
                    .collect();
                let Some(kept) = self.stand.numbered(number) else {
                    return missing();
                };
                kept.labels.extend(names);
                let labels = kept.labels.clone();
                (200, labels.iter().map(|name| self.label(name)).collect())
            }
            ("POST", ["issues", number, "comments"]) => {
                let Some(kept) = self.stand.numbered(number) else {
                    return missing();
                };
                kept.comments.push(text(ask, "body"));
                let mut comment = self.comment.clone();
                comment["body"] = text(ask, "body").into();
                (201, comment)
            }
            _ => missing(),
        }
    }
}
