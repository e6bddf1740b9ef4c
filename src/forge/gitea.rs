use super::call::{Call, Method, segment};
use super::pull;
use super::response::{list, number, same_text, text};
use super::scope::RequestScope;
use super::wire::{ClientError, Http, Scheme};
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, SizeLimits};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Gitea and compatible forges (Forgejo, Codeberg): API, version 1.
pub struct Gitea {
    wire: Http,
    scope: RequestScope,
}

/// Requests on one page, and the largest number of pages. The API has no filter by branch, so the agent reads all requests
/// of the repository, the last changed first.
const PAGE: usize = 50;
const PAGES: usize = 10;

/// The limits of Gitea are 255 characters for a title and, in some databases, 65535 bytes for a text.
const SIZE_LIMITS: SizeLimits = SizeLimits {
    title: 250,
    body: 60_000,
};

/// The colour of a label that the agent creates.
const COLOUR: &str = "#0b7285";

impl Gitea {
    /// A client with the token from a file. `api` is `https://<host>/api/v1`.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(api: &str, token_file: PathBuf, scope: RequestScope) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Http::new(api, token_file, Scheme::Token, &[])?,
            scope,
        })
    }

    fn path(&self, rest: &str) -> String {
        let (owner, name) = self.scope.owner_and_name();
        format!("/repos/{}/{}{rest}", segment(owner), segment(name))
    }

    async fn list_requests(&self) -> Result<Vec<ChangeRequest>, ForgeFailure> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = vec![
                ("state", "all".to_owned()),
                ("base_branch", self.scope.into.to_string()),
                ("sort", "recentupdate".to_owned()),
                ("limit", PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let call = Call::get(self.path("/pulls"), query);
            let response = self.wire.send("list pull requests", call).await?;
            let page_items = list(&response)?;
            for item in page_items.iter().filter(|item| self.is_in_scope(item)) {
                found.push(pull::request(item)?);
            }
            if page_items.is_empty() {
                break;
            }
        }
        found.sort_by_key(|request| std::cmp::Reverse(request.id.parse::<u64>().unwrap_or_default()));
        Ok(found)
    }

    /// Whether a request is from the proposal branch (of this repository, not of a fork) into the followed branch. Older
    /// servers do not filter by the followed branch. After a branch was deleted, only the label has its name.
    fn is_in_scope(&self, pull: &Value) -> bool {
        let at = |path: &str| pull.pointer(path).and_then(Value::as_str);
        let from = Some(self.scope.from.as_str());
        (at("/head/ref") == from || at("/head/label") == from)
            && at("/base/ref") == Some(self.scope.into.as_str())
            && pull.pointer("/head/repo_id") == pull.pointer("/base/repo_id")
    }

    /// The ids of labels. A label that the repository does not have is created.
    async fn labels(&self, names: Vec<&String>) -> Result<Vec<u64>, ForgeFailure> {
        let mut ids = Vec::new();
        if names.is_empty() {
            return Ok(ids);
        }
        let mut known = Vec::new();
        for page in 1..=PAGES {
            let query = vec![("limit", PAGE.to_string()), ("page", page.to_string())];
            let call = Call::get(self.path("/labels"), query);
            let response = self.wire.send("list labels", call).await?;
            let page_items = list(&response)?;
            for label in page_items {
                known.push((text(label, "name")?, number(label, "id")?));
            }
            if page_items.is_empty() {
                break;
            }
        }
        for name in names {
            match known.iter().find(|(known, _)| known == name) {
                Some((_, id)) => ids.push(*id),
                None => {
                    let new = json!({ "name": name, "color": COLOUR });
                    let call = Call::send(Method::Post, self.path("/labels"), new);
                    ids.push(number(&self.wire.send("create a label", call).await?, "id")?);
                }
            }
        }
        Ok(ids)
    }

    async fn create_request(&self, proposal: &Proposal) -> Result<ChangeRequest, ForgeFailure> {
        let new = json!({
            "title": proposal.title,
            "body": proposal.body,
            "head": self.scope.from.as_str(),
            "base": self.scope.into.as_str(),
            "labels": self.labels(self.scope.labels.iter().collect()).await?,
        });
        let call = Call::send(Method::Post, self.path("/pulls"), new);
        pull::request(&self.wire.send("open a pull request", call).await?)
    }

    async fn update_request(&self, request: &ChangeRequest, proposal: &Proposal) -> Result<bool, ForgeFailure> {
        let missing = self.scope.missing_labels(request);
        let labelled = !missing.is_empty();
        if labelled {
            let path = self.path(&format!("/issues/{}/labels", request.id));
            let new = json!({ "labels": self.labels(missing).await? });
            self.wire
                .send("label a pull request", Call::send(Method::Post, path, new))
                .await?;
        }
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

impl Forge for Gitea {
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
