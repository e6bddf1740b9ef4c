use super::RequestScope;
use super::call::{Call, Method, list, number, same, segment, text};
use super::wire::{Http, Scheme, Wire, WireError};
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, RequestState, Room};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::PathBuf;

/// GitHub, and GitHub Enterprise Server: REST API, version 2022-11-28.
pub struct GitHub {
    wire: Box<dyn Wire>,
    scope: RequestScope,
}

/// Asked for by GitHub, so that it does not change under us.
const HEADERS: &[(&str, &str)] = &[
    ("Accept", "application/vnd.github+json"),
    ("X-GitHub-Api-Version", "2022-11-28"),
];

/// Requests of one page, and pages: a branch of ours has one request for each time it was merged or closed.
const PAGE: usize = 50;
const PAGES: usize = 4;

/// GitHub's own limits: 256 characters, 65536 characters.
const ROOM: Room = Room {
    title: 250,
    body: 60_000,
};

impl GitHub {
    /// With the token in a file; `api` is `https://api.github.com` or `https://<host>/api/v3`.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(api: &str, token_file: PathBuf, scope: RequestScope) -> Result<Self, WireError> {
        let wire = Http::new(api, token_file, Scheme::Bearer, HEADERS)?;
        Ok(Self::over(Box::new(wire), scope))
    }

    /// Over any wire.
    pub fn over(wire: Box<dyn Wire>, scope: RequestScope) -> Self {
        Self { wire, scope }
    }

    fn path(&self, rest: &str) -> String {
        let (owner, name) = self.scope.project.split_once('/').unwrap_or((&self.scope.project, ""));
        format!("/repos/{}/{}{rest}", segment(owner), segment(name))
    }

    async fn list_requests(&self) -> Result<Vec<ChangeRequest>, ForgeFailure> {
        let owner = self.scope.project.split('/').next().unwrap_or_default();
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = vec![
                ("state", "all".to_owned()),
                ("head", format!("{owner}:{}", self.scope.from)),
                ("base", self.scope.into.to_string()),
                ("sort", "created".to_owned()),
                ("direction", "desc".to_owned()),
                ("per_page", PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let call = Call::get(self.path("/pulls"), query);
            let answer = self.wire.send("list pull requests", call).await?;
            let here = list(&answer)?;
            for pull in here {
                let head = pull.pointer("/head/ref").and_then(Value::as_str);
                if head == Some(self.scope.from.as_str()) {
                    found.push(request(pull)?);
                }
            }
            if here.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }

    async fn label(&self, id: &str, missing: Vec<&String>) -> Result<bool, ForgeFailure> {
        if missing.is_empty() {
            return Ok(false);
        }
        let path = self.path(&format!("/issues/{id}/labels"));
        let call = Call::send(Method::Post, path, json!({ "labels": missing }));
        self.wire.send("label a pull request", call).await.map(|_| true)
    }

    async fn create_request(&self, proposal: &Proposal) -> Result<ChangeRequest, ForgeFailure> {
        let new = json!({
            "title": proposal.title,
            "body": proposal.body,
            "head": self.scope.from.as_str(),
            "base": self.scope.into.as_str(),
        });
        let call = Call::send(Method::Post, self.path("/pulls"), new);
        let made = request(&self.wire.send("open a pull request", call).await?)?;
        self.label(&made.id, self.scope.labels.iter().collect()).await?;
        Ok(made)
    }

    async fn update_request(&self, request: &ChangeRequest, proposal: &Proposal) -> Result<bool, ForgeFailure> {
        let missing = self.scope.missing(request);
        let labelled = self.label(&request.id, missing).await?;
        if same(&proposal.title, &request.title) && same(&proposal.body, &request.body) {
            return Ok(labelled);
        }
        let path = self.path(&format!("/pulls/{}", request.id));
        let new = json!({ "title": proposal.title, "body": proposal.body });
        self.wire
            .send("update a pull request", Call::send(Method::Patch, path, new))
            .await?;
        Ok(true)
    }

    async fn close_request(&self, request: &ChangeRequest, body: &str, comment: &str) -> Result<(), ForgeFailure> {
        let path = self.path(&format!("/pulls/{}", request.id));
        let new = json!({ "state": "closed", "body": body });
        self.wire
            .send("close a pull request", Call::send(Method::Patch, path, new))
            .await?;
        let path = self.path(&format!("/issues/{}/comments", request.id));
        let new = json!({ "body": comment });
        let said = self
            .wire
            .send("comment on a pull request", Call::send(Method::Post, path, new));
        said.await.map(drop)
    }
}

/// A pull request as GitHub and Gitea tell it.
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

impl Forge for GitHub {
    fn room(&self) -> Room {
        ROOM
    }

    fn requests(&self) -> BoxFuture<'_, Result<Vec<ChangeRequest>, ForgeFailure>> {
        self.list_requests().boxed()
    }

    fn open<'a>(&'a self, proposal: &'a Proposal) -> BoxFuture<'a, Result<ChangeRequest, ForgeFailure>> {
        self.create_request(proposal).boxed()
    }

    fn update<'a>(
        &'a self,
        request: &'a ChangeRequest,
        proposal: &'a Proposal,
    ) -> BoxFuture<'a, Result<bool, ForgeFailure>> {
        self.update_request(request, proposal).boxed()
    }

    fn close<'a>(
        &'a self,
        request: &'a ChangeRequest,
        body: &'a str,
        comment: &'a str,
    ) -> BoxFuture<'a, Result<(), ForgeFailure>> {
        self.close_request(request, body, comment).boxed()
    }
}
