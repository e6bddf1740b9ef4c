use super::call::{Call, Method, segment};
use super::pull::request;
use super::response::{list, same_text};
use super::scope::RequestScope;
use super::wire::{ClientError, Http, Scheme};
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, SizeLimits};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::PathBuf;

/// GitHub and GitHub Enterprise Server: REST API, version 2022-11-28.
pub struct GitHub {
    wire: Http,
    scope: RequestScope,
}

/// The headers that pin the version of the API.
const HEADERS: &[(&str, &str)] = &[
    ("Accept", "application/vnd.github+json"),
    ("X-GitHub-Api-Version", "2022-11-28"),
];

/// Requests on one page, and the largest number of pages. The proposal branch has one request for each merge or close.
const PAGE: usize = 50;
const PAGES: usize = 4;

/// The limits of GitHub are 256 and 65536 characters.
const SIZE_LIMITS: SizeLimits = SizeLimits {
    title: 250,
    body: 60_000,
};

impl GitHub {
    /// A client with the token from a file. `api` is `https://api.github.com` or `https://<host>/api/v3`.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(api: &str, token_file: PathBuf, scope: RequestScope) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Http::new(api, token_file, Scheme::Bearer, HEADERS)?,
            scope,
        })
    }

    fn path(&self, rest: &str) -> String {
        let (owner, name) = self.scope.owner_and_name();
        format!("/repos/{}/{}{rest}", segment(owner), segment(name))
    }

    async fn list_requests(&self) -> Result<Vec<ChangeRequest>, ForgeFailure> {
        let (owner, _) = self.scope.owner_and_name();
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
            let response = self.wire.send("list pull requests", call).await?;
            let page_items = list(&response)?;
            for pull in page_items {
                let head = pull.pointer("/head/ref").and_then(Value::as_str);
                if head == Some(self.scope.from.as_str()) {
                    found.push(request(pull)?);
                }
            }
            if page_items.len() < PAGE {
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
        let missing = self.scope.missing_labels(request);
        let labelled = self.label(&request.id, missing).await?;
        if same_text(&proposal.title, &request.title) && same_text(&proposal.body, &request.body) {
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
        let posted = self
            .wire
            .send("comment on a pull request", Call::send(Method::Post, path, new));
        posted.await.map(drop)
    }
}

impl Forge for GitHub {
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
