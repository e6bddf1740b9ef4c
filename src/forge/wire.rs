use super::call::{Call, Method};
use super::failure;
use crate::model::{Secret, with_causes};
use crate::port::ForgeFailure;
use crate::telemetry::remember_token;
use reqwest::{Client, Url};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncReadExt;

/// The header that carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `Authorization: Bearer …`
    Bearer,
    /// `Authorization: token …`
    Token,
    /// `PRIVATE-TOKEN: …`
    PrivateToken,
}

/// Sends calls over HTTP, with a token.
pub(super) struct Http {
    client: Client,
    api: Url,
    token_file: PathBuf,
    scheme: Scheme,
    headers: &'static [(&'static str, &'static str)],
}

/// Why no client can be made for a forge.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is invalid.
    #[error(
        "the address of the forge's API is not valid; expected an address like https://git.acme.example/api/v1, without \
         user, password, query and fragment"
    )]
    Address,
    /// The HTTP client cannot be built.
    #[error("cannot build an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for a call, up to the last byte of its response. GitHub itself gives up after ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest response, in bytes: a page of fifty requests with texts of 64 KiB each, and their other fields.
const MAX_RESPONSE: usize = 16 << 20;
/// The longest token file, in bytes: a token is one line of text.
const MAX_TOKEN: u64 = 4096;

/// The HTTP client for a forge. It follows no redirect, so that the token is sent only to the configured address.
pub(super) fn client() -> Result<Client, ClientError> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ClientError::Client)
}

/// Reads the base address of an API.
pub(super) fn address(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|_| ClientError::Address)?;
    let usable = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(ClientError::Address) }
}

impl Http {
    pub(super) fn new(
        api: &str,
        token_file: PathBuf,
        scheme: Scheme,
        headers: &'static [(&'static str, &'static str)],
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: client()?,
            api: address(api)?,
            token_file,
            scheme,
            headers,
        })
    }

    /// Sends a call and returns the response; `null` if the response is empty. `doing` names the call in errors: "cannot
    /// {doing}".
    pub(super) async fn send(&self, doing: &str, call: Call) -> Result<Value, ForgeFailure> {
        let token = self.token().await?;
        remember_token(&token);
        let mut url = self.api.clone();
        url.set_path(&format!("{}{}", self.api.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
        };
        let mut request = self.client.request(method, url);
        request = match self.scheme {
            Scheme::Bearer => request.bearer_auth(token.expose()),
            Scheme::Token => request.header("Authorization", format!("token {}", token.expose())),
            Scheme::PrivateToken => request.header("PRIVATE-TOKEN", token.expose()),
        };
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        receive(self.api.as_str(), doing, request).await
    }

    async fn token(&self) -> Result<Secret, ForgeFailure> {
        let unusable = |why: String| ForgeFailure {
            message: format!(
                "cannot read the forge's token from {}: {why}; write the token into this file, or set \
                 automation.pullRequest.tokenFile",
                self.token_file.display()
            ),
            wait: None,
        };
        let file = tokio::fs::File::open(&self.token_file).await;
        let file = file.map_err(|error| unusable(error.to_string()))?;
        let mut text = String::new();
        let read = file.take(MAX_TOKEN).read_to_string(&mut text).await;
        read.map_err(|error| unusable(error.to_string()))?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable(
                "the file does not contain one word of ASCII characters".to_owned(),
            ));
        }
        Ok(Secret::new(token))
    }
}

/// Sends a request and reads the response, up to the size limit.
pub(super) async fn receive(api: &str, doing: &str, request: reqwest::RequestBuilder) -> Result<Value, ForgeFailure> {
    let broken = |error: reqwest::Error| ForgeFailure {
        message: format!("{api}: cannot {doing}: {}", with_causes(&error.without_url())),
        wait: None,
    };
    let mut response = request.send().await.map_err(broken)?;
    let status = response.status();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let headers = response.headers().clone();
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_RESPONSE {
            return Err(ForgeFailure {
                message: format!("{api}: cannot {doing}: the response is longer than {MAX_RESPONSE} bytes"),
                wait: None,
            });
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let wait = failure::wait(header, now);
        return Err(failure::refused(api, doing, status.as_u16(), &body, wait));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|_| ForgeFailure {
        message: format!(
            "{api}: cannot {doing}: the response is not JSON; check that automation.pullRequest.api is the address of the \
             forge's API"
        ),
        wait: None,
    })
}
