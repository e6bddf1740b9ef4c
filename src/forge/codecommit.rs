use super::call::{Call, Method};
use super::failure::plain;
use super::response::{field, list, same_text, text};
use super::scope::RequestScope;
use super::wire::{self, ClientError};
use crate::aws::Signer;
use crate::model::Secret;
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, RequestState, SizeLimits};
use crate::telemetry::remember_token;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// AWS CodeCommit. It has no labels. Calls are signed instead of carrying a token.
pub struct CodeCommit {
    wire: Signed,
    scope: RequestScope,
    region: String,
    /// The requests that are not open. They do not change any more, and reading each costs a call.
    ended: Mutex<BTreeMap<String, Option<ChangeRequest>>>,
}

/// The largest number of pages of ids. CodeCommit documents neither the length of a page nor the order of the ids.
const PAGES: usize = 100;
/// The largest number of ended requests that are read: the newest ones.
const MOST_ENDED: usize = 200;

/// The limits of CodeCommit are 150 and 10240 characters.
const SIZE_LIMITS: SizeLimits = SizeLimits {
    title: 150,
    body: 10_000,
};

const TARGET: &str = "CodeCommit_20150413.";

impl CodeCommit {
    /// A client for the API at `api`, e.g. `https://codecommit.eu-west-1.amazonaws.com`.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(api: &str, region: &str, signer: Signer, scope: RequestScope) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Signed {
                client: wire::client()?,
                api: wire::address(api)?,
                signer,
            },
            scope,
            region: region.to_owned(),
            ended: Mutex::default(),
        })
    }

    async fn call(&self, doing: &str, operation: &'static str, input: Value) -> Result<Value, ForgeFailure> {
        let mut call = Call::send(Method::Post, "/".to_owned(), input);
        call.operation = Some(operation);
        self.wire.send(doing, call).await
    }

    async fn list_requests(&self) -> Result<Vec<ChangeRequest>, ForgeFailure> {
        let mut found = Vec::new();
        for id in self.ids("OPEN").await? {
            found.extend(self.request(&id).await?);
        }
        for id in self.ids("CLOSED").await?.into_iter().take(MOST_ENDED) {
            let known = self
                .ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&id)
                .cloned();
            let request = match known {
                Some(known) => known,
                None => {
                    let request = self.request(&id).await?;
                    let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                    if ended.len() > MOST_ENDED * 2 {
                        ended.clear();
                    }
                    ended.insert(id, request.clone());
                    request
                }
            };
            found.extend(request);
        }
        Ok(found)
    }

    /// The ids of requests with a status, newest first: ids count up.
    async fn ids(&self, status: &str) -> Result<Vec<String>, ForgeFailure> {
        let mut ids = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut input = json!({ "repositoryName": self.scope.project, "pullRequestStatus": status });
            if let Some(next) = &next {
                input["nextToken"] = next.as_str().into();
            }
            let response = self.call("list pull requests", "ListPullRequests", input).await?;
            let page_items = list(field(&response, "pullRequestIds")?)?;
            ids.extend(page_items.iter().filter_map(Value::as_str).map(str::to_owned));
            next = response.get("nextToken").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        ids.sort_by_key(|id| std::cmp::Reverse(id.parse::<u64>().unwrap_or_default()));
        Ok(ids)
    }

    /// Reads a request. `None` if it is between other branches.
    async fn request(&self, id: &str) -> Result<Option<ChangeRequest>, ForgeFailure> {
        let response = self
            .call("read a pull request", "GetPullRequest", json!({ "pullRequestId": id }))
            .await?;
        self.read(field(&response, "pullRequest")?)
    }

    fn read(&self, pull: &Value) -> Result<Option<ChangeRequest>, ForgeFailure> {
        let target = list(field(pull, "pullRequestTargets")?)?
            .first()
            .cloned()
            .unwrap_or_default();
        let is = |name: &str, expected: String| target.get(name).and_then(Value::as_str) == Some(expected.as_str());
        let is_in_scope = is("repositoryName", self.scope.project.clone())
            && is("sourceReference", self.scope.from.full())
            && is("destinationReference", self.scope.into.full());
        let id = text(pull, "pullRequestId")?;
        let merged = target.pointer("/mergeMetadata/isMerged") == Some(&Value::Bool(true));
        let domain = if self.region.starts_with("cn-") {
            "amazonaws.cn"
        } else {
            "aws.amazon.com"
        };
        Ok(is_in_scope.then_some(ChangeRequest {
            url: format!(
                "https://{region}.console.{domain}/codesuite/codecommit/repositories/{}/pull-requests/{id}/details?region={region}",
                self.scope.project,
                region = self.region
            ),
            title: text(pull, "title")?,
            body: pull.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            labels: Vec::new(),
            state: match text(pull, "pullRequestStatus")?.as_str() {
                "OPEN" => RequestState::Open,
                _ if merged => RequestState::Merged,
                _ => RequestState::Closed,
            },
            id,
        }))
    }

    async fn create_request(&self, proposal: &Proposal) -> Result<ChangeRequest, ForgeFailure> {
        let input = json!({
            "title": proposal.title,
            "description": proposal.body,
            "targets": [{
                "repositoryName": self.scope.project,
                "sourceReference": self.scope.from.as_str(),
                "destinationReference": self.scope.into.as_str(),
            }],
        });
        let response = self.call("open a pull request", "CreatePullRequest", input).await?;
        let created = self.read(field(&response, "pullRequest")?)?;
        created.ok_or_else(|| ForgeFailure {
            message: "CodeCommit opened a pull request between other branches than the agent requested".to_owned(),
            wait: None,
        })
    }

    async fn update_request(&self, request: &ChangeRequest, proposal: &Proposal) -> Result<bool, ForgeFailure> {
        let mut changed = false;
        if !same_text(&proposal.title, &request.title) {
            let input = json!({ "pullRequestId": request.id, "title": proposal.title });
            self.call("update a pull request", "UpdatePullRequestTitle", input)
                .await?;
            changed = true;
        }
        if !same_text(&proposal.body, &request.body) {
            self.describe(request, &proposal.body).await?;
            changed = true;
        }
        Ok(changed)
    }

    async fn describe(&self, request: &ChangeRequest, body: &str) -> Result<(), ForgeFailure> {
        let input = json!({ "pullRequestId": request.id, "description": body });
        let updated = self.call("update a pull request", "UpdatePullRequestDescription", input);
        updated.await.map(drop)
    }

    async fn close_request(&self, request: &ChangeRequest, body: &str, comment: &str) -> Result<(), ForgeFailure> {
        let id = json!({ "pullRequestId": request.id });
        let response = self.call("read a pull request", "GetPullRequest", id).await?;
        let targets = list(field(field(&response, "pullRequest")?, "pullRequestTargets")?)?;
        let target = targets.first().cloned().unwrap_or_default();
        self.describe(request, body).await?;
        let input = json!({
            "pullRequestId": request.id,
            "repositoryName": self.scope.project,
            "beforeCommitId": text(&target, "destinationCommit")?,
            "afterCommitId": text(&target, "sourceCommit")?,
            "content": comment,
        });
        self.call("comment on a pull request", "PostCommentForPullRequest", input)
            .await?;
        let input = json!({ "pullRequestId": request.id, "pullRequestStatus": "CLOSED" });
        self.call("close a pull request", "UpdatePullRequestStatus", input)
            .await
            .map(drop)
    }
}

/// The JSON protocol of CodeCommit. Each call is signed.
struct Signed {
    client: reqwest::Client,
    api: reqwest::Url,
    signer: Signer,
}

impl Signed {
    async fn send(&self, doing: &str, call: Call) -> Result<Value, ForgeFailure> {
        let failed = |why: String| ForgeFailure {
            message: format!("{}: cannot {doing}: {}", self.api, plain(&why)),
            wait: None,
        };
        let body = serde_json::to_vec(&call.body).map_err(|error| failed(error.to_string()))?;
        let target = format!("{TARGET}{}", call.operation.unwrap_or_default());
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let signed = self.signer.headers(self.api.as_str(), &headers, &body).await;
        let signed = signed.map_err(|error| failed(error.to_string()))?;
        let mut request = self.client.post(self.api.clone()).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &signed {
            if name == "x-amz-security-token" {
                remember_token(&Secret::new(value));
            }
            request = request.header(name, value);
        }
        wire::receive(self.api.as_str(), doing, request).await
    }
}

impl Forge for CodeCommit {
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
