//! Requests to a git server: the references that a service sees, and the service itself.
//!
//! Credentials go to the address's own scheme, host and port and nowhere else. A redirect to another host is followed
//! without credentials; a redirect away from HTTPS is not followed.

use super::answer::Answer;
use super::credentials::HttpAccess;
use super::tls_client::TlsClient;
use crate::git::lock::locked;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::transport::refusal::remedy;
use crate::git::transport::server_message;
use crate::git::transport::service::Service;
use crate::telemetry::redacted;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// A renamed group or a moved host takes one redirect, a login service in front takes another.
const MOST_REDIRECTS: usize = 5;

/// Git over HTTP.
pub(crate) struct Http {
    endpoint: Arc<Endpoint>,
    client: TlsClient,
    /// Where the last request for references was redirected to.
    redirected: Mutex<Option<Url>>,
}

impl Http {
    pub(crate) fn new(endpoint: Arc<Endpoint>, access: HttpAccess) -> Self {
        Self {
            client: TlsClient::new(Arc::clone(&endpoint), access),
            endpoint,
            redirected: Mutex::default(),
        }
    }

    /// Forgets open connections and redirects.
    pub(crate) fn close(&self) {
        self.client.forget();
        *locked(&self.redirected) = None;
    }

    /// Asks for the references that a service sees.
    pub(crate) async fn references(&self, service: Service, stop: &CancellationToken) -> Result<Answer, Error> {
        *locked(&self.redirected) = None;
        let query = format!("info/refs?service={}", service.name());
        let expected_type = format!("application/x-{}-advertisement", service.name());
        let mut base = self.client.base()?;
        for _ in 0..=MOST_REDIRECTS {
            let url = joined(&base, &query);
            let response = self
                .response(service, &base, stop, |client| client.get(url.clone()))
                .await?;
            if !response.status().is_redirection() {
                let answer = self.accept(response, service, &expected_type, stop).await?;
                *locked(&self.redirected) = Some(base);
                return Ok(answer);
            }
            base = self.redirect(&url, &response, &query)?;
        }
        Err(self.endpoint.not_git("it redirects in a circle"))
    }

    /// Runs a service on the bytes of a request.
    pub(crate) async fn call(
        &self,
        service: Service,
        body: Vec<u8>,
        stop: &CancellationToken,
    ) -> Result<Answer, Error> {
        let base = match locked(&self.redirected).clone() {
            Some(base) => base,
            None => self.client.base()?,
        };
        let name = service.name();
        let url = joined(&base, name);
        let expected_type = format!("application/x-{name}-result");
        let post = |client: &Client| {
            let request = client.post(url.clone()).body(body.clone());
            let request = request.header(CONTENT_TYPE, format!("application/x-{name}-request"));
            request.header(ACCEPT, &expected_type)
        };
        let response = self.response(service, &base, stop, post).await?;
        if response.status().is_redirection() {
            let rule = "it redirects a request that it had a chance to redirect before";
            return Err(self.endpoint.not_git(rule));
        }
        self.accept(response, service, &expected_type, stop).await
    }

    /// Sends a request and waits for the head of its answer. If the kept-open connection was dead, the request is sent
    /// again: it either only reads, or names the old value of the branch.
    async fn response(
        &self,
        service: Service,
        base: &Url,
        stop: &CancellationToken,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Error> {
        match self.send(service, base, stop, &request).await {
            Err(Error::HttpBroken { .. }) => {
                self.client.forget();
                self.send(service, base, stop, &request).await
            }
            other => other,
        }
    }

    async fn send(
        &self,
        service: Service,
        base: &Url,
        stop: &CancellationToken,
        request: &impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let (client, endpoint) = (self.client.client()?, &self.endpoint);
        let request = self.client.with_credentials(request(&client), base)?.build();
        let request = request.map_err(|source| self.client.broken(source))?;
        endpoint.counts.channels.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(
            service = service.name(),
            url = redacted(request.url().as_str()),
            "request"
        );
        let after = endpoint.deadlines.connect.saturating_add(endpoint.deadlines.idle);
        let answer = async {
            match tokio::time::timeout(after, client.execute(request)).await {
                Ok(answer) => answer.map_err(|source| self.client.broken(source)),
                Err(_) => Err(Error::Silent {
                    server: endpoint.url.server(),
                    phase: "waiting for an answer",
                    after,
                }),
            }
        };
        endpoint.unless_stopped(stop, answer).await
    }

    /// Accepts an answer of git's protocol; refusals and web pages become errors.
    async fn accept(
        &self,
        response: Response,
        service: Service,
        expected_type: &str,
        stop: &CancellationToken,
    ) -> Result<Answer, Error> {
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let (server, idle) = (self.endpoint.url.server(), self.endpoint.deadlines.idle);
        let mut answer = Answer::new(response, server, idle, stop.clone());
        if status == StatusCode::OK && kind.split(';').next().is_some_and(|kind| kind.trim() == expected_type) {
            return Ok(answer);
        }
        let message = if kind.starts_with("text/plain") {
            answer.message().await
        } else {
            String::new()
        };
        if status.is_success() {
            let rule = "it answers with a page and not with git's protocol; is repo.url the address to clone?";
            return Err(self.endpoint.not_git(rule));
        }
        Err(self.refusal(status, service == Service::ReceivePack, message))
    }

    fn refusal(&self, status: StatusCode, writing: bool, message: String) -> Error {
        let url = self.endpoint.url.to_string();
        match status {
            StatusCode::UNAUTHORIZED => Error::LoginRejected {
                url,
                remedy: if self.client.has_credentials() {
                    "it does not accept the login in repo.http.credentials; renew the password or token there"
                } else {
                    "it asks for a login; put a user name and password, or a token, into repo.http.credentials"
                },
                message,
            },
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                let kind = server_message::status_meaning(status == StatusCode::FORBIDDEN, writing, &message);
                Error::Refused {
                    url,
                    meaning: remedy(kind, self.endpoint.url.scheme()),
                    kind,
                    message: if message.is_empty() {
                        status.to_string()
                    } else {
                        message
                    },
                }
            }
            _ => Error::Status {
                url,
                status: status.to_string(),
                message,
            },
        }
    }

    /// The target of a redirect, as the new address of the repository.
    fn redirect(&self, from: &Url, response: &Response, query: &str) -> Result<Url, Error> {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| from.join(to).ok());
        let Some(mut to) = to.filter(|to| matches!(to.scheme(), "http" | "https")) else {
            return Err(self.endpoint.not_git("it redirects to nowhere"));
        };
        if to.scheme() == "http" && from.scheme() == "https" {
            return Err(self.endpoint.not_git("it redirects to an address without encryption"));
        }
        let _ = (to.set_username(""), to.set_password(None));
        let base = to.as_str().strip_suffix(query).and_then(|base| Url::parse(base).ok());
        base.ok_or_else(|| {
            let rule = "it redirects to a page that is no repository; is repo.url the address to clone?";
            self.endpoint.not_git(rule)
        })
    }
}

fn joined(base: &Url, rest: &str) -> Url {
    base.join(rest).unwrap_or_else(|_| base.clone())
}
