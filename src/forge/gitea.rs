use super::RequestScope;
use super::call::{Call, Method, list, number, same, segment, text};
use super::github;
use super::wire::{Http, Scheme, Wire, WireError};
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, Room};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Gitea and what speaks like it (Forgejo, Codeberg): API, version 1.
pub struct Gitea {
    wire: Box<dyn Wire>,
    scope: RequestScope,
}

/// Requests of one page. They cannot be filtered by their branch, so that all of the repository are looked at, those
/// that changed last first.
const PAGE: usize = 50;
const PAGES: usize = 10;

/// Gitea's own limits: 255 characters, and a text column of 65535 bytes in some databases.
const ROOM: Room = Room {
    title: 250,
    body: 60_000,
};

/// A label that is made is of this colour.
const COLOUR: &str = "#0b7285";

impl Gitea {
    /// With the token in a file; `api` is `https://<host>/api/v1`.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(api: &str, token_file: PathBuf, scope: RequestScope) -> Result<Self, WireError> {
        let wire = Http::new(api, token_file, Scheme::Token, &[])?;
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
            let answer = self.wire.send("list pull requests", call).await?;
            let here = list(&answer)?;
            for pull in here.iter().filter(|pull| self.is_ours(pull)) {
                found.push(github::request(pull)?);
            }
            if here.is_empty() {
                break;
            }
        }
        found.sort_by_key(|request| std::cmp::Reverse(request.id.parse::<u64>().unwrap_or_default()));
        Ok(found)
    }

    /// From our branch (of this repository, not of a fork) into the followed one; older servers do not filter by it. Once a
    /// branch is gone its name stands in the label alone.
    fn is_ours(&self, pull: &Value) -> bool {
        let at = |place: &str| pull.pointer(place).and_then(Value::as_str);
        let from = Some(self.scope.from.as_str());
        (at("/head/ref") == from || at("/head/label") == from)
            && at("/base/ref") == Some(self.scope.into.as_str())
            && pull.pointer("/head/repo_id") == pull.pointer("/base/repo_id")
    }

    /// The ids of our labels; those that the repository does not have are made.
    async fn labels(&self, names: Vec<&String>) -> Result<Vec<u64>, ForgeFailure> {
        let mut ids = Vec::new();
        if names.is_empty() {
            return Ok(ids);
        }
        let mut known = Vec::new();
        for page in 1..=PAGES {
            let query = vec![("limit", PAGE.to_string()), ("page", page.to_string())];
            let call = Call::get(self.path("/labels"), query);
            let answer = self.wire.send("list labels", call).await?;
            let here = list(&answer)?;
            for label in here {
                known.push((text(label, "name")?, number(label, "id")?));
            }
            if here.is_empty() {
                break;
            }
        }
        for name in names {
            match known.iter().find(|(known, _)| known == name) {
                Some((_, id)) => ids.push(*id),
                None => {
                    let new = json!({ "name": name, "color": COLOUR });
                    let call = Call::send(Method::Post, self.path("/labels"), new);
                    ids.push(number(&self.wire.send("make a label", call).await?, "id")?);
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
        github::request(&self.wire.send("open a pull request", call).await?)
    }

    async fn update_request(&self, request: &ChangeRequest, proposal: &Proposal) -> Result<bool, ForgeFailure> {
        let missing = self.scope.missing(request);
        let labelled = !missing.is_empty();
        if labelled {
            let path = self.path(&format!("/issues/{}/labels", request.id));
            let new = json!({ "labels": self.labels(missing).await? });
            self.wire
                .send("label a pull request", Call::send(Method::Post, path, new))
                .await?;
        }
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

impl Forge for Gitea {
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
