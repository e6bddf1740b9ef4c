use super::call::{Call, Method, segment};
use super::response::{list, number, same_text, text};
use super::scope::RequestScope;
use super::wire::{ClientError, Http, Scheme};
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, RequestState, SizeLimits};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::PathBuf;

/// GitLab, gitlab.com or self-managed: REST API, version 4.
pub struct GitLab {
    wire: Http,
    scope: RequestScope,
}

/// Requests on one page, and the largest number of pages. The proposal branch has one request for each merge or close.
const PAGE: usize = 50;
const PAGES: usize = 4;

/// The limits of GitLab are 255 and 1048576 characters.
const SIZE_LIMITS: SizeLimits = SizeLimits {
    title: 250,
    body: 500_000,
};

impl GitLab {
    /// A client with the token from a file. `api` is `https://<host>/api/v4`.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(api: &str, token_file: PathBuf, scope: RequestScope) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Http::new(api, token_file, Scheme::PrivateToken, &[])?,
            scope,
        })
    }

    fn path(&self, rest: &str) -> String {
        format!("/projects/{}/merge_requests{rest}", segment(&self.scope.project))
    }

    async fn list_requests(&self) -> Result<Vec<ChangeRequest>, ForgeFailure> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = vec![
                ("state", "all".to_owned()),
                ("source_branch", self.scope.from.to_string()),
                ("target_branch", self.scope.into.to_string()),
                ("order_by", "created_at".to_owned()),
                ("sort", "desc".to_owned()),
                ("per_page", PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let call = Call::get(self.path(""), query);
            let response = self.wire.send("list merge requests", call).await?;
            let page_items = list(&response)?;
            for merge in page_items {
                // A fork may have a branch of the same name.
                if merge.get("source_project_id") == merge.get("target_project_id") {
                    found.push(request(merge)?);
                }
            }
            if page_items.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }

    async fn create_request(&self, proposal: &Proposal) -> Result<ChangeRequest, ForgeFailure> {
        let new = json!({
            "source_branch": self.scope.from.as_str(),
            "target_branch": self.scope.into.as_str(),
            "title": proposal.title,
            "description": proposal.body,
            "labels": self.scope.labels,
        });
        let call = Call::send(Method::Post, self.path(""), new);
        request(&self.wire.send("open a merge request", call).await?)
    }

    async fn update_request(&self, request: &ChangeRequest, proposal: &Proposal) -> Result<bool, ForgeFailure> {
        let missing: Vec<&str> = self
            .scope
            .missing_labels(request)
            .into_iter()
            .map(String::as_str)
            .collect();
        let is_current = same_text(&proposal.title, &request.title) && same_text(&proposal.body, &request.body);
        if is_current && missing.is_empty() {
            return Ok(false);
        }
        let path = self.path(&format!("/{}", request.id));
        let mut new = json!({ "title": proposal.title, "description": proposal.body });
        if !missing.is_empty() {
            new["add_labels"] = missing.into();
        }
        self.wire
            .send("update a merge request", Call::send(Method::Put, path, new))
            .await?;
        Ok(true)
    }

    async fn close_request(&self, request: &ChangeRequest, body: &str, comment: &str) -> Result<(), ForgeFailure> {
        let path = self.path(&format!("/{}", request.id));
        let new = json!({ "state_event": "close", "description": body });
        self.wire
            .send("close a merge request", Call::send(Method::Put, path, new))
            .await?;
        let path = self.path(&format!("/{}/notes", request.id));
        let new = json!({ "body": comment });
        let posted = self
            .wire
            .send("comment on a merge request", Call::send(Method::Post, path, new));
        posted.await.map(drop)
    }
}

fn request(merge: &Value) -> Result<ChangeRequest, ForgeFailure> {
    let labels = merge.get("labels").and_then(Value::as_array).into_iter().flatten();
    Ok(ChangeRequest {
        id: number(merge, "iid")?.to_string(),
        url: text(merge, "web_url")?,
        title: text(merge, "title")?,
        body: merge
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        labels: labels.filter_map(Value::as_str).map(str::to_owned).collect(),
        state: match text(merge, "state")?.as_str() {
            // "locked": GitLab merges the request now.
            "merged" | "locked" => RequestState::Merged,
            "closed" => RequestState::Closed,
            _ => RequestState::Open,
        },
    })
}

impl Forge for GitLab {
    fn size_limits(&self) -> SizeLimits {
        SIZE_LIMITS
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
