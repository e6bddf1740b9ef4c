use super::address::Guard;
use super::auth::{Challenge, challenges};
use super::docker_config::{self, Login};
use super::error::OciError;
use super::settings::OciSettings;
use crate::model::{Secret, with_causes};
use crate::registry::rate_limit::RateLimit;
use crate::registry::read_limits::ReadLimits;
use crate::telemetry::{Metrics, RequestOutcome, remember_login, remember_token};
use reqwest::header::{ACCEPT, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for a request, up to the last byte of its response.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest response of a token server, in bytes. A token has some kilobytes.
const MAX_TOKEN: usize = 1 << 20;
/// The longest error that is read, in bytes.
const MAX_ERROR: usize = 64 << 10;
/// The longest file with authorities, in bytes.
const MAX_CA: u64 = 4 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 3;
/// How long a token lasts whose server does not say so. Source: "Token Authentication Specification".
const TOKEN_LIFE: u64 = 60;

/// One registry: the host of image references, and how the registry is reached.
pub(super) struct Endpoint {
    host: String,
    /// The address of the API, without a path.
    pub(super) base: Url,
    settings: Option<OciSettings>,
    client: Client,
    guard: Guard,
    pub(super) rate_limit: RateLimit,
    /// What the registry took last, by repository.
    known: Mutex<HashMap<String, Authorization>>,
    metrics: Metrics,
}

/// What is sent to the registry.
#[derive(Clone)]
enum Authorization {
    Token { token: Secret, until: Instant },
    Basic { user: String, password: Secret },
}

/// A response with its whole body.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The address that responded.
    pub(super) url: Url,
}

/// What a token server responds.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Endpoint {
    /// # Errors
    /// The settings cannot be used.
    pub(super) async fn new(
        host: &str,
        settings: Option<&OciSettings>,
        guard: Guard,
        limits: &ReadLimits,
        metrics: &Metrics,
    ) -> Result<Self, OciError> {
        let scheme = if settings.is_some_and(|settings| settings.plain_http) {
            "http"
        } else {
            "https"
        };
        // Images of docker.io are served by another host.
        let server = if host == "docker.io" {
            "registry-1.docker.io"
        } else {
            host
        };
        let base = Url::parse(&format!("{scheme}://{server}/"))
            .map_err(|error| OciError::Settings(format!("{host} is not the host of a registry: {error}")))?;
        let mut client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .dns_resolver(Arc::new(guard.clone()))
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = settings.and_then(|settings| settings.ca.as_ref()) {
            client = client.tls_certs_merge(authorities(ca).await?);
        }
        Ok(Self {
            host: host.to_owned(),
            base,
            settings: settings.cloned(),
            client: client
                .build()
                .map_err(|error| OciError::Settings(format!("no HTTP client can be made: {}", with_causes(&error))))?,
            guard,
            rate_limit: RateLimit::new(limits),
            known: Mutex::default(),
            metrics: metrics.clone(),
        })
    }

    /// Gets an address of a repository. The login is renewed once if the registry asks for one.
    pub(super) async fn get(
        &self,
        url: &Url,
        repository: &str,
        accept: &str,
        limit: usize,
    ) -> Result<Answer, OciError> {
        let known = self.known(repository).await;
        let answer = self.send(url, accept, known.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return finish(answer, known.is_some(), limit).await;
        }
        let headers = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenge = challenges(headers.filter_map(|header| header.to_str().ok()));
        let login = match self
            .settings
            .as_ref()
            .and_then(|settings| settings.docker_config.as_ref())
        {
            Some(file) => docker_config::read(file, &self.host, repository).await?,
            None => None,
        };
        let authorization = match (challenge, login) {
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                let scope = scope.unwrap_or_else(|| format!("repository:{repository}:pull"));
                Some(self.token(&realm, service.as_deref(), &scope, login).await?)
            }
            (Some(Challenge::Basic), Some(Login::Basic { user, password })) => {
                Some(Authorization::Basic { user, password })
            }
            (_, Some(Login::Access(token))) => Some(lasting(token)),
            _ => None,
        };
        let Some(authorization) = authorization else {
            return finish(answer, false, limit).await;
        };
        self.known
            .lock()
            .await
            .insert(repository.to_owned(), authorization.clone());
        let answer = self.send(url, accept, Some(&authorization)).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.known.lock().await.remove(repository);
        }
        finish(answer, true, limit).await
    }

    async fn known(&self, repository: &str) -> Option<Authorization> {
        let known = self.known.lock().await.get(repository).cloned()?;
        match &known {
            Authorization::Token { until, .. } => (Instant::now() < *until).then_some(known),
            Authorization::Basic { .. } => Some(known),
        }
    }

    /// Sends a request and follows redirects within the registry's domain. Behind a redirect to another host no login is sent.
    async fn send(&self, url: &Url, accept: &str, authorization: Option<&Authorization>) -> Result<Response, OciError> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            self.guard.check(&at).map_err(OciError::Private)?;
            let mut request = self.client.get(at.clone()).header(ACCEPT, accept);
            if at.origin() == url.origin() {
                request = with(request, authorization);
            }
            self.rate_limit.acquire().await;
            let answer = self.exchange(request).await?;
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| at.join(location).ok());
            let is_secure = |next: &Url| next.scheme() == "https" || next.scheme() == url.scheme();
            match next.filter(|next| is_secure(next) && is_same_domain(url, next)) {
                Some(next) => at = next,
                None => return Err(OciError::Redirect(location.unwrap_or("nowhere").to_owned())),
            }
        }
        Err(OciError::Redirect("itself, again and again".to_owned()))
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Response, OciError> {
        let answer = request.send().await;
        self.metrics.registry_request(match &answer {
            Err(_) => RequestOutcome::NoAnswer,
            Ok(answer) if answer.status().is_server_error() => RequestOutcome::ServerError,
            Ok(answer) if answer.status().is_client_error() => RequestOutcome::Refused,
            Ok(_) => RequestOutcome::Ok,
        });
        answer.map_err(network)
    }

    /// Gets a token from the server that the registry names.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<Login>,
    ) -> Result<Authorization, OciError> {
        if let Some(Login::Access(token)) = login {
            return Ok(lasting(token));
        }
        let failed = |reason: String, status| OciError::Token {
            realm: realm.to_owned(),
            reason,
            status,
        };
        let url = Url::parse(realm).map_err(|error| failed(error.to_string(), None))?;
        if url.scheme() != "https" && url.scheme() != self.base.scheme() {
            return Err(failed(
                "the address has no TLS, and a login is not sent there".to_owned(),
                None,
            ));
        }
        self.guard.check(&url).map_err(OciError::Private)?;
        let service = service.unwrap_or_default();
        let request = match &login {
            Some(Login::Identity(token)) => {
                remember_token(token);
                let form = [
                    ("grant_type", "refresh_token"),
                    ("service", service),
                    ("client_id", "tidegate"),
                    ("scope", scope),
                    ("refresh_token", token.expose()),
                ];
                let form = reqwest::Url::parse_with_params("https://form.invalid/", form)
                    .map_err(|error| failed(error.to_string(), None))?;
                let request = self.client.post(url).body(form.query().unwrap_or_default().to_owned());
                request.header("content-type", "application/x-www-form-urlencoded")
            }
            login => {
                let mut url = url;
                if !service.is_empty() {
                    url.query_pairs_mut().append_pair("service", service);
                }
                url.query_pairs_mut().append_pair("scope", scope);
                let request = self.client.get(url);
                match login {
                    Some(Login::Basic { user, password }) => {
                        remember_login(user, password);
                        request.basic_auth(user, Some(password.expose()))
                    }
                    _ => request,
                }
            }
        };
        let answer = self.exchange(request).await?;
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(refusal(answer, login.is_some()).await);
        }
        let body = read(answer, MAX_TOKEN).await?;
        if !status.is_success() {
            return Err(failed(format!("HTTP {}", status.as_u16()), Some(status.as_u16())));
        }
        // The error of the parser may quote the token.
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| failed("the response is not the JSON of a token".to_owned(), None))?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let token = Secret::new(token.ok_or_else(|| failed("the response has no token".to_owned(), None))?);
        let life = answer.expires_in.unwrap_or(TOKEN_LIFE).min(86_400);
        Ok(Authorization::Token {
            token,
            // A token that ends on its way is worth nothing.
            until: Instant::now() + Duration::from_secs(life) * 9 / 10,
        })
    }
}

/// A token without a known end. The registry says when it has ended.
fn lasting(token: Secret) -> Authorization {
    Authorization::Token {
        token,
        until: Instant::now() + Duration::from_secs(3600),
    }
}

fn with(request: RequestBuilder, authorization: Option<&Authorization>) -> RequestBuilder {
    match authorization {
        Some(Authorization::Token { token, .. }) => {
            remember_token(token);
            request.bearer_auth(token.expose())
        }
        Some(Authorization::Basic { user, password }) => {
            remember_login(user, password);
            request.basic_auth(user, Some(password.expose()))
        }
        None => request,
    }
}

/// Whether two addresses are on one host, or on hosts below one registered name: `registry-1.docker.io` and `cdn.docker.io`.
fn is_same_domain(one: &Url, other: &Url) -> bool {
    let (Some(one), Some(other)) = (one.host_str(), other.host_str()) else {
        return false;
    };
    let domain = |host: &str| {
        let labels: Vec<&str> = host.rsplit('.').collect();
        // `co.uk` and `com.cn` are no names that somebody registers.
        let short = labels.get(1).is_some_and(|label| label.len() <= 3);
        let count = if short { 3 } else { 2 };
        let is_name = labels.len() >= count && labels[0].starts_with(|char: char| char.is_ascii_alphabetic());
        is_name.then(|| {
            labels
                .iter()
                .take(count)
                .map(|label| label.to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
    };
    one == other || domain(one).is_some_and(|name| domain(other) == Some(name))
}

async fn authorities(file: &std::path::Path) -> Result<Vec<Certificate>, OciError> {
    let failed =
        |why: String| OciError::Settings(format!("the authorities in {} cannot be used: {why}", file.display()));
    let size = tokio::fs::metadata(file)
        .await
        .map_err(|error| failed(error.to_string()))?;
    if size.len() > MAX_CA {
        return Err(failed(format!("the file has more than {MAX_CA} bytes")));
    }
    let pem = tokio::fs::read(file).await.map_err(|error| failed(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| failed(with_causes(&error)))?;
    if found.is_empty() {
        return Err(failed("the file has no certificate in PEM format".to_owned()));
    }
    Ok(found)
}

async fn finish(answer: Response, had_login: bool, limit: usize) -> Result<Answer, OciError> {
    if !answer.status().is_success() {
        return Err(refusal(answer, had_login).await);
    }
    let (headers, url) = (answer.headers().clone(), answer.url().clone());
    let body = read(answer, limit).await?;
    Ok(Answer { headers, body, url })
}

/// The error that the registry responded with.
async fn refusal(answer: Response, had_login: bool) -> OciError {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: Option<String>,
        message: Option<String>,
    }
    let status = answer.status().as_u16();
    let seconds = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = read(answer, MAX_ERROR).await.unwrap_or_default();
    let errors: Option<Errors> = serde_json::from_slice(&body).ok();
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let (code, message) = first.map_or((None, None), |first| (first.code, first.message));
    OciError::Response {
        status,
        code,
        message,
        retry_after: seconds.map(Duration::from_secs),
        had_login,
    }
}

async fn read(mut answer: Response, limit: usize) -> Result<Vec<u8>, OciError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > limit {
            return Err(OciError::Unreadable(format!(
                "the response is longer than {limit} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn network(error: reqwest::Error) -> OciError {
    OciError::Network(with_causes(&error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_within_a_registered_name() {
        let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
        for (one, other, expected) in [
            ("registry-1.docker.io", "cdn.docker.io", true),
            ("ghcr.io", "ghcr.io", true),
            ("a.ghcr.io", "b.ghcr.io", true),
            ("a.acme.co.uk", "b.acme.co.uk", true),
            ("a.acme.co.uk", "b.other.co.uk", false),
            ("docker.io", "docker.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.1.0.1", "10.2.0.1", false),
            ("localhost", "other", false),
        ] {
            assert_eq!(is_same_domain(&url(one), &url(other)), expected, "{one} {other}");
        }
    }
}
