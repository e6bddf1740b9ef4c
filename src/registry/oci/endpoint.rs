use super::address::{Guard, is_same_domain};
use super::auth::{Challenge, challenges};
use super::authorization::{Authorization, sent_with};
use super::docker_config::{self, Login};
use super::error::OciError;
use super::response::{Answer, finish, network};
use super::settings::OciSettings;
use crate::model::with_causes;
use crate::registry::rate_limit::RateLimit;
use crate::registry::read_limits::ReadLimits;
use crate::telemetry::{Metrics, RequestOutcome};
use reqwest::header::{ACCEPT, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for a request, up to the last byte of its response.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest file with authorities, in bytes.
const MAX_CA: u64 = 4 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// One registry: the host of image references, and how the registry is reached.
pub(super) struct Endpoint {
    host: String,
    /// The address of the API, without a path.
    pub(super) base: Url,
    settings: Option<OciSettings>,
    pub(super) client: Client,
    pub(super) guard: Guard,
    pub(super) rate_limit: RateLimit,
    /// What the registry took last, by repository.
    known: Mutex<HashMap<String, Authorization>>,
    metrics: Metrics,
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
            (_, Some(Login::Access(token))) => Some(Authorization::lasting(token)),
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                let scope = scope.unwrap_or_else(|| format!("repository:{repository}:pull"));
                Some(self.token(&realm, service.as_deref(), &scope, login).await?)
            }
            (Some(Challenge::Basic), Some(Login::Basic { user, password })) => {
                Some(Authorization::Basic { user, password })
            }
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
        let known = self.known.lock().await.get(repository).cloned();
        known.filter(Authorization::is_current)
    }

    /// Sends a request and follows redirects within the registry's domain. Behind a redirect to another host no login is sent.
    async fn send(&self, url: &Url, accept: &str, authorization: Option<&Authorization>) -> Result<Response, OciError> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            self.guard.check(&at).map_err(OciError::Private)?;
            let mut request = self.client.get(at.clone()).header(ACCEPT, accept);
            if at.origin() == url.origin() {
                request = sent_with(request, authorization);
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

    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Response, OciError> {
        let answer = request.send().await;
        self.metrics.registry_request(match &answer {
            Err(_) => RequestOutcome::NoAnswer,
            Ok(answer) if answer.status().is_server_error() => RequestOutcome::ServerError,
            Ok(answer) if answer.status().is_client_error() => RequestOutcome::Refused,
            Ok(_) => RequestOutcome::Ok,
        });
        answer.map_err(network)
    }
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
