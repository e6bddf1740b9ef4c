use super::answer::broken;
use super::credentials::{Credentials, CredentialsError, HttpAccess};
use crate::git::lock::locked;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::url::Scheme;
use crate::telemetry::{remember_login, remember_token};
use reqwest::{Certificate, Client, RequestBuilder, Url, redirect};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Below the idle limits that firewalls and load balancers have (60 s and more).
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Forges recognise git's requests by the first word, and some read a version from it.
const USER_AGENT: &str = concat!("git/2.0 (tidegate ", env!("CARGO_PKG_VERSION"), ")");

/// A PEM file with certificate authorities, and its text.
type Authorities = Option<(PathBuf, Vec<u8>)>;

/// The HTTP client with its open connections. Credentials and authorities are read for each request; changed authorities make
/// a new client.
pub(crate) struct TlsClient {
    endpoint: Arc<Endpoint>,
    access: HttpAccess,
    built: Mutex<Option<(Authorities, Client)>>,
}

impl TlsClient {
    pub(crate) fn new(endpoint: Arc<Endpoint>, access: HttpAccess) -> Self {
        Self {
            endpoint,
            access,
            built: Mutex::default(),
        }
    }

    /// Closes open connections.
    pub(crate) fn forget(&self) {
        *locked(&self.built) = None;
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.access.credentials.is_some()
    }

    /// A client that trusts the authorities as they are now.
    pub(crate) fn client(&self) -> Result<Client, Error> {
        let authorities = self.access.authorities().map_err(|error| self.unusable(error))?;
        let mut slot = locked(&self.built);
        if let Some((_, client)) = slot.as_ref().filter(|(known, _)| *known == authorities) {
            return Ok(client.clone());
        }
        let client = self.build(authorities.as_ref())?;
        *slot = Some((authorities, client.clone()));
        Ok(client)
    }

    /// The repository's address, with a slash at its end.
    pub(crate) fn base(&self) -> Result<Url, Error> {
        let url = &self.endpoint.url;
        if url.scheme() == Scheme::Http && !url.is_loopback() && !self.access.plaintext {
            return Err(Error::Plaintext { url: url.to_string() });
        }
        let text = format!("{}/", url.to_string().trim_end_matches('/'));
        Url::parse(&text).map_err(|_| self.endpoint.not_git("its address is not a valid URL"))
    }

    /// Adds the credentials if `base` has the scheme, host and port of the repository's own address.
    pub(crate) fn with_credentials(&self, request: RequestBuilder, base: &Url) -> Result<RequestBuilder, Error> {
        if base.origin() != self.base()?.origin() {
            return Ok(request);
        }
        let credentials = self.access.credentials();
        Ok(match credentials.map_err(|error| self.unusable(error))? {
            Credentials::None => request,
            Credentials::Bearer(token) => {
                remember_token(&token);
                request.bearer_auth(token.expose())
            }
            Credentials::Basic { user, password } => {
                remember_login(&user, &password);
                request.basic_auth(user, Some(password.expose()))
            }
        })
    }

    pub(crate) fn broken(&self, source: reqwest::Error) -> Error {
        broken(self.endpoint.url.server(), self.endpoint.deadlines.connect, source)
    }

    fn build(&self, authorities: Option<&(PathBuf, Vec<u8>)>) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.endpoint.deadlines.connect)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .referer(false)
            .user_agent(USER_AGENT);
        if self.endpoint.url.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some((path, text)) = authorities {
            let invalid = || CredentialsError::Content {
                path: path.clone(),
                rule: "holds no certificates in PEM form",
            };
            let certificates = Certificate::from_pem_bundle(text).ok();
            let certificates = certificates.filter(|found| !found.is_empty());
            builder = builder.tls_certs_merge(certificates.ok_or_else(|| self.unusable(invalid()))?);
        }
        builder.build().map_err(|source| self.broken(source))
    }

    fn unusable(&self, source: CredentialsError) -> Error {
        Error::Credentials {
            url: self.endpoint.url.to_string(),
            source,
        }
    }
}
