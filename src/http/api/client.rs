use crate::http::calls::{Answer, ConfirmCall, DiffCall, LiftCall, Question, WhyCall};
use crate::http::commands::{CommandReport, DiffReport, PlanReport};
use crate::http::token::{TokenError, TokenFile};
use crate::model::Secret;
use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The longest response, in bytes. The agent responds with a report or a status.
const MAX_RESPONSE: usize = 16 << 20;

/// The longest time to connect. The agent is near: loopback, a forwarded port, or the network of the cluster.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call to the agent failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is invalid.
    #[error("invalid agent address {server:?}: expected http://host:port")]
    Address {
        /// The given address.
        server: String,
    },
    /// The token file could not be read.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The connection failed.
    #[error("no response from {server}; is the agent running, and is this its HTTP port?")]
    Unreachable {
        /// The agent's address.
        server: String,
        /// The error of the HTTP client.
        #[source]
        source: reqwest::Error,
    },
    /// The agent did not respond in time.
    #[error("{server} did not respond within {} s; the pass continues in the agent", after.as_secs_f64())]
    Timeout {
        /// The agent's address.
        server: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The agent rejected the token.
    #[error(
        "{server} rejected the token of the token file: {message}; give the file with the agent's token with --token-file"
    )]
    Unauthorized {
        /// The agent's address.
        server: String,
        /// The agent's message.
        message: String,
    },
    /// The agent tried and failed.
    #[error("{message}")]
    Failed {
        /// The agent's message.
        message: String,
    },
    /// The agent refused the call, or failed.
    #[error("{server} responded with HTTP {status}: {message}")]
    Refused {
        /// The agent's address.
        server: String,
        /// The HTTP status.
        status: u16,
        /// The agent's message.
        message: String,
    },
    /// The response is not one of an agent.
    #[error("{server} did not respond like a tidegate agent: {why}")]
    Response {
        /// The agent's address.
        server: String,
        /// What is wrong with the response.
        why: String,
    },
}

/// Calls a running agent.
pub struct Client {
    server: Url,
    token: Secret,
    http: reqwest::Client,
    timeout: Duration,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    /// Reads the token, and sends no request yet. Each call takes at most `timeout`.
    ///
    /// # Errors
    /// When the address is not `http://host:port`, or the token file does not hold a token.
    pub async fn new(server: &str, token_file: &Path, timeout: Duration) -> Result<Self, ClientError> {
        let invalid = || ClientError::Address { server: server.into() };
        let url = Url::parse(server).map_err(|_| invalid())?;
        let plain = url.scheme() == "http" && url.has_host() && url.username().is_empty() && url.password().is_none();
        if !plain || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid());
        }
        let token = TokenFile::new(Some(token_file.into())).read().await?;
        // Only the agent may get the token: no proxy, no redirect.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| ClientError::Unreachable {
                server: server.into(),
                source,
            })?;
        Ok(Self {
            server: url,
            token,
            http,
            timeout,
        })
    }

    /// Scans all repositories or one, and waits until the pass has ended.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, or does not respond in time.
    pub async fn scan(&self, repository: Option<&str>) -> Result<CommandReport, ClientError> {
        let body = repository.map(|repository| serde_json::json!({ "repository": repository }));
        self.call(Method::POST, "/v1/scan", body).await
    }

    /// Syncs, and waits until the pass has ended.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, or does not respond in time.
    pub async fn sync(&self) -> Result<CommandReport, ClientError> {
        self.call(Method::POST, "/v1/sync", None).await
    }

    /// What the agent would do now.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, or does not respond in time.
    pub async fn plan(&self, question: &Question) -> Result<PlanReport, ClientError> {
        self.send("/v1/plan", question).await
    }

    /// How the cluster differs from a commit.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, or does not respond in time.
    pub async fn diff(&self, call: &DiffCall) -> Result<DiffReport, ClientError> {
        self.send("/v1/diff", call).await
    }

    /// Why the images of an object move to a tag, and to no other.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, fails, or does not respond in time.
    pub async fn why(&self, call: &WhyCall) -> Result<Answer, ClientError> {
        self.send("/v1/why", call).await
    }

    /// What is held on the followed branch.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, or does not respond in time.
    pub async fn holds(&self, question: &Question) -> Result<Answer, ClientError> {
        self.send("/v1/holds", question).await
    }

    /// Lifts holds, so that the tags may be chosen again.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, fails, or does not respond in time.
    pub async fn resume(&self, call: &LiftCall) -> Result<Answer, ClientError> {
        self.send("/v1/resume", call).await
    }

    /// Lifts holds, and writes the tags into the files again.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, fails, or does not respond in time.
    pub async fn release(&self, call: &LiftCall) -> Result<Answer, ClientError> {
        self.send("/v1/release", call).await
    }

    /// Confirms deletions that wait.
    ///
    /// # Errors
    /// When the agent cannot be reached, refuses the call, fails, or does not respond in time.
    pub async fn confirm(&self, call: &ConfirmCall) -> Result<Answer, ClientError> {
        self.send("/v1/confirm", call).await
    }

    /// The agent's status: the JSON of `/v1/status`.
    ///
    /// # Errors
    /// When the agent cannot be reached, or refuses the call.
    pub async fn status(&self) -> Result<serde_json::Value, ClientError> {
        self.call(Method::GET, "/v1/status", None).await
    }

    async fn send<T: serde::de::DeserializeOwned>(&self, path: &str, call: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_value(call).map_err(|error| self.unexpected(error.to_string()))?;
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<T, ClientError> {
        let mut url = self.server.clone();
        url.set_path(path);
        let mut request = self.http.request(method, url).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut response = request.send().await.map_err(|source| self.transport(source))?;
        let status = response.status();
        let mut text = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|source| self.transport(source))? {
            if text.len() + part.len() > MAX_RESPONSE {
                return Err(self.unexpected(format!("its response has more than {MAX_RESPONSE} bytes")));
            }
            text.extend_from_slice(&part);
        }
        if status == StatusCode::OK {
            return serde_json::from_slice(&text).map_err(|error| self.unexpected(error.to_string()));
        }
        let Ok(Refusal { error: message }) = serde_json::from_slice(&text) else {
            return Err(self.unexpected(format!("HTTP {} without a reason", status.as_u16())));
        };
        let server = self.name();
        Err(match status {
            StatusCode::UNAUTHORIZED => ClientError::Unauthorized { server, message },
            StatusCode::UNPROCESSABLE_ENTITY => ClientError::Failed { message },
            _ => ClientError::Refused {
                server,
                status: status.as_u16(),
                message,
            },
        })
    }

    fn transport(&self, source: reqwest::Error) -> ClientError {
        let server = self.name();
        if source.is_timeout() && !source.is_connect() {
            return ClientError::Timeout {
                server,
                after: self.timeout,
            };
        }
        ClientError::Unreachable { server, source }
    }

    fn unexpected(&self, why: String) -> ClientError {
        ClientError::Response {
            server: self.name(),
            why,
        }
    }

    fn name(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }
}
