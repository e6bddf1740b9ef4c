use super::commands::CommandReport;
use super::token::{TokenError, TokenFile};
use crate::model::Secret;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// An answer of the agent is a report or a status, not more.
const LONGEST_ANSWER: usize = 16 << 20;

/// The agent is near: loopback, a forwarded port, the cluster's network.
const CONNECT: Duration = Duration::from_secs(5);

/// Why the agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one.
    #[error("{server:?} is not the address of an agent: http://host:port is wanted")]
    Address {
        /// As given.
        server: String,
    },
    /// The token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Nobody answers there.
    #[error("no answer from {server}; is the agent running, and is this its HTTP port?")]
    Unreachable {
        /// The agent's address.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It took too long.
    #[error("{server} has not answered within {} s; the pass goes on there", after.as_secs_f64())]
    Timeout {
        /// The agent's address.
        server: String,
        /// How long we waited.
        after: Duration,
    },
    /// The agent does not take the token.
    #[error(
        "{server} does not take the token in the token file: {said}; name the file with the agent's own by --token-file"
    )]
    Unauthorized {
        /// The agent's address.
        server: String,
        /// In the agent's words.
        said: String,
    },
    /// The agent refused or failed.
    #[error("{server} answers {status}: {said}")]
    Refused {
        /// The agent's address.
        server: String,
        /// HTTP status.
        status: u16,
        /// In the agent's words.
        said: String,
    },
    /// The answer is not one of an agent.
    #[error("{server} does not answer like a tidegate agent: {why}")]
    Answer {
        /// The agent's address.
        server: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Asks a running agent.
pub struct Client {
    server: Url,
    token: Secret,
    http: reqwest::Client,
    patience: Duration,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    /// Reads the token; asks nothing yet. A call takes at most `patience`.
    ///
    /// # Errors
    /// When the address is not `http://host:port`, or the token file does not hold a token.
    pub async fn new(server: &str, token_file: &Path, patience: Duration) -> Result<Self, ClientError> {
        let bad = || ClientError::Address { server: server.into() };
        let url = Url::parse(server).map_err(|_| bad())?;
        let plain = url.scheme() == "http" && url.has_host() && url.username().is_empty() && url.password().is_none();
        if !plain || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        let token = TokenFile::new(Some(token_file.into())).read().await?;
        // The token must reach nobody but the agent: no proxy, no redirect.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(patience)
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
            patience,
        })
    }

    /// Has the agent scan now, all repositories or one, and waits for the pass to end.
    ///
    /// # Errors
    /// When the agent cannot be asked, refuses, or takes too long.
    pub async fn scan(&self, repository: Option<&str>) -> Result<CommandReport, ClientError> {
        let body = repository.map(|repository| serde_json::json!({ "repository": repository }));
        self.call(Method::POST, "/v1/scan", body).await
    }

    /// Has the agent sync now and waits for the pass to end.
    ///
    /// # Errors
    /// When the agent cannot be asked, refuses, or takes too long.
    pub async fn sync(&self) -> Result<CommandReport, ClientError> {
        self.call(Method::POST, "/v1/sync", None).await
    }

    /// Every automated field as the agent sees it.
    ///
    /// # Errors
    /// When the agent cannot be asked, refuses, or takes too long.
    pub async fn status(&self) -> Result<serde_json::Value, ClientError> {
        self.call(Method::GET, "/v1/status", None).await
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
        let mut response = request.send().await.map_err(|source| self.broken(source))?;
        let status = response.status();
        let mut text = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|source| self.broken(source))? {
            if text.len() + part.len() > LONGEST_ANSWER {
                return Err(self.odd(format!("more than {LONGEST_ANSWER} bytes")));
            }
            text.extend_from_slice(&part);
        }
        if status == StatusCode::OK {
            return serde_json::from_slice(&text).map_err(|error| self.odd(error.to_string()));
        }
        let Ok(Refusal { error: said }) = serde_json::from_slice(&text) else {
            return Err(self.odd(format!("HTTP {} without a reason", status.as_u16())));
        };
        let server = self.name();
        Err(match status {
            StatusCode::UNAUTHORIZED => ClientError::Unauthorized { server, said },
            _ => ClientError::Refused {
                server,
                status: status.as_u16(),
                said,
            },
        })
    }

    fn broken(&self, source: reqwest::Error) -> ClientError {
        let server = self.name();
        if source.is_timeout() && !source.is_connect() {
            return ClientError::Timeout {
                server,
                after: self.patience,
            };
        }
        ClientError::Unreachable { server, source }
    }

    fn odd(&self, why: String) -> ClientError {
        ClientError::Answer {
            server: self.name(),
            why,
        }
    }

    fn name(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }
}
