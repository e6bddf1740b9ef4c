//! Git's smart HTTP protocol: what SSH does with commands on a connection is here two requests, and what is read of their
//! answers. Source: git's gitprotocol-http(5), "Smart Clients".
//!
//! - Credentials go to the address's own scheme, host and port and nowhere else; a redirect to another host is followed
//!   without them, one away from HTTPS is not followed at all.
//! - The connection is kept open between requests by the client below; credentials and authorities are read for each.

use super::error::Error;
use super::login::{HttpAccess, Login, LoginError};
use super::transport::remedy;
use super::url::Scheme;
use super::wire::{Wire, locked};
use super::words;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url, redirect};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Renamed groups and moved hosts take one, a login service in front another.
const MOST_REDIRECTS: usize = 5;
/// Below the idle limits of the firewalls and load balancers that are met (60 s and more).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Forges tell git's requests from a browser's by the first word, and some read a version in it.
const USER_AGENT: &str = concat!("git/2.0 (tidegate ", env!("CARGO_PKG_VERSION"), ")");

/// What the server is asked to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

/// The client with its open connections, and where the last redirect led.
pub(super) struct Http {
    access: HttpAccess,
    client: Mutex<Option<Built>>,
    moved: Mutex<Option<Url>>,
}

/// A client, and the authorities that it was built to trust.
struct Built {
    authorities: Option<(PathBuf, Vec<u8>)>,
    client: Client,
}

/// An answer whose body is still to be read.
pub(super) struct Answer {
    response: Response,
    place: String,
    idle: Duration,
    stop: CancellationToken,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

impl Http {
    pub(super) fn new(access: HttpAccess) -> Self {
        Self {
            access,
            client: Mutex::default(),
            moved: Mutex::default(),
        }
    }

    /// Forgets open connections and redirects.
    pub(super) fn hang_up(&self) {
        *locked(&self.client) = None;
        *locked(&self.moved) = None;
    }
}

impl Wire {
    /// Asks for the references that a service sees.
    pub(super) async fn references(&self, service: Service, stop: &CancellationToken) -> Result<Answer, Error> {
        *locked(&self.http.moved) = None;
        let query = format!("info/refs?service={}", service.name());
        let type_wanted = format!("application/x-{}-advertisement", service.name());
        let mut base = self.base()?;
        for _ in 0..=MOST_REDIRECTS {
            let url = joined(&base, &query);
            let response = self
                .answered(service, &base, stop, |client| client.get(url.clone()))
                .await?;
            if !response.status().is_redirection() {
                let answer = self.accepted(response, service, &type_wanted, stop).await?;
                *locked(&self.http.moved) = Some(base);
                return Ok(answer);
            }
            base = self.redirected(&url, &response, &query)?;
        }
        Err(self.no_git("it redirects in a circle"))
    }

    /// Runs a service on a request's bytes.
    pub(super) async fn call(
        &self,
        service: Service,
        body: Vec<u8>,
        stop: &CancellationToken,
    ) -> Result<Answer, Error> {
        let base = match locked(&self.http.moved).clone() {
            Some(base) => base,
            None => self.base()?,
        };
        let url = joined(&base, service.name());
        let name = service.name();
        let post = |client: &Client| {
            let request = client.post(url.clone()).body(body.clone());
            let request = request.header(CONTENT_TYPE, format!("application/x-{name}-request"));
            request.header(reqwest::header::ACCEPT, format!("application/x-{name}-result"))
        };
        let response = self.answered(service, &base, stop, post).await?;
        if response.status().is_redirection() {
            return Err(self.no_git("it redirects a request that it had a chance to redirect before"));
        }
        self.accepted(response, service, &format!("application/x-{name}-result"), stop)
            .await
    }

    /// Sends one request and waits for the head of its answer.
    async fn answered(
        &self,
        service: Service,
        base: &Url,
        stop: &CancellationToken,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Error> {
        match self.sent(service, base, stop, &request).await {
            // The kept-open connection was dead. What is repeated either only reads, or names the branch's old value.
            Err(Error::HttpBroken { .. }) => {
                *locked(&self.http.client) = None;
                self.sent(service, base, stop, &request).await
            }
            other => other,
        }
    }

    async fn sent(
        &self,
        service: Service,
        base: &Url,
        stop: &CancellationToken,
        request: &impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let client = self.client()?;
        let request = self.signed(request(&client), base)?.build();
        let request = request.map_err(|source| self.broken(source))?;
        self.counts.channels.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(service = service.name(), url = %request.url(), "request");
        let after = self.phases.connect.saturating_add(self.phases.idle);
        let answer = async {
            match tokio::time::timeout(after, client.execute(request)).await {
                Ok(answer) => answer.map_err(|source| self.broken(source)),
                Err(_) => Err(self.silent("waiting for an answer", after)),
            }
        };
        self.unless_stopped(stop, answer).await
    }

    /// Refusals become errors, pages that are no git server's too.
    async fn accepted(
        &self,
        response: Response,
        service: Service,
        type_wanted: &str,
        stop: &CancellationToken,
    ) -> Result<Answer, Error> {
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let mut answer = Answer {
            response,
            place: self.url.place(),
            idle: self.phases.idle,
            stop: stop.clone(),
        };
        if status == StatusCode::OK && kind.split(';').next().is_some_and(|kind| kind.trim() == type_wanted) {
            return Ok(answer);
        }
        let said = if kind.starts_with("text/plain") {
            answer.words().await
        } else {
            String::new()
        };
        if status.is_success() {
            return Err(
                self.no_git("it answers with a page and not with git's protocol; is repo.url the address to clone?")
            );
        }
        Err(self.denied(status, service == Service::ReceivePack, said))
    }

    fn denied(&self, status: StatusCode, writing: bool, said: String) -> Error {
        let url = self.url.to_string();
        let given = self.http.access.credentials.is_some();
        match status {
            StatusCode::UNAUTHORIZED => Error::LoginRefused {
                url,
                remedy: if given {
                    "it does not accept the login in repo.http.credentials; renew the password or token there"
                } else {
                    "it wants a login; put a user name and password, or a token, into repo.http.credentials"
                },
                words: said,
            },
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                let kind = words::status_meaning(status == StatusCode::FORBIDDEN, writing, &said);
                Error::Remote {
                    url,
                    meaning: remedy(kind, self.url.scheme()),
                    kind,
                    words: if said.is_empty() { status.to_string() } else { said },
                }
            }
            _ => Error::Status {
                url,
                status: status.to_string(),
                words: said,
            },
        }
    }

    /// Where a redirect leads, as the new address of the repository.
    fn redirected(&self, from: &Url, response: &Response, query: &str) -> Result<Url, Error> {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| from.join(to).ok());
        let Some(mut to) = to.filter(|to| matches!(to.scheme(), "http" | "https")) else {
            return Err(self.no_git("it redirects to nowhere"));
        };
        if to.scheme() == "http" && from.scheme() == "https" {
            return Err(self.no_git("it redirects to an address without encryption"));
        }
        let _ = (to.set_username(""), to.set_password(None));
        let base = to.as_str().strip_suffix(query).and_then(|base| Url::parse(base).ok());
        base.ok_or_else(|| {
            self.no_git("it redirects to a page that is no repository; is repo.url the address to clone?")
        })
    }

    /// Puts the credentials in, where they belong there.
    fn signed(&self, request: RequestBuilder, base: &Url) -> Result<RequestBuilder, Error> {
        if base.origin() != self.base()?.origin() {
            return Ok(request);
        }
        Ok(
            match self
                .http
                .access
                .login(self.url.user())
                .map_err(|error| self.unusable(error))?
            {
                Login::Nothing => request,
                Login::Bearer(token) => request.bearer_auth(token.expose()),
                Login::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            },
        )
    }

    /// The repository's address, with a slash at its end and without a user.
    fn base(&self) -> Result<Url, Error> {
        if self.url.scheme() == Scheme::Http && !self.url.is_loopback() && !self.http.access.plaintext {
            return Err(Error::Plaintext {
                url: self.url.to_string(),
            });
        }
        let text = format!("{}/", self.url.to_string().trim_end_matches('/'));
        let mut url = Url::parse(&text).map_err(|_| self.no_git("its address is not a valid URL"))?;
        let _ = url.set_username("");
        Ok(url)
    }

    fn client(&self) -> Result<Client, Error> {
        let authorities = self.http.access.authorities().map_err(|error| self.unusable(error))?;
        let mut slot = locked(&self.http.client);
        if let Some(built) = slot.as_ref().filter(|built| built.authorities == authorities) {
            return Ok(built.client.clone());
        }
        let client = self.built(authorities.as_ref())?;
        *slot = Some(Built {
            authorities,
            client: client.clone(),
        });
        Ok(client)
    }

    fn built(&self, authorities: Option<&(PathBuf, Vec<u8>)>) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.phases.connect)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .referer(false)
            .user_agent(USER_AGENT);
        if self.url.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some((path, text)) = authorities {
            let wrong = || LoginError::Content {
                path: path.clone(),
                rule: "holds no certificates in PEM form",
            };
            let certificates = Certificate::from_pem_bundle(text).ok();
            let certificates = certificates.filter(|found| !found.is_empty());
            builder = builder.tls_certs_merge(certificates.ok_or_else(|| self.unusable(wrong()))?);
        }
        builder.build().map_err(|source| self.broken(source))
    }

    fn unusable(&self, source: LoginError) -> Error {
        Error::Login {
            url: self.url.to_string(),
            source,
        }
    }

    fn no_git(&self, rule: &'static str) -> Error {
        Error::Protocol {
            place: self.url.place(),
            rule,
        }
    }

    fn silent(&self, phase: &'static str, after: Duration) -> Error {
        Error::Silent {
            place: self.url.place(),
            phase,
            after,
        }
    }

    fn broken(&self, source: reqwest::Error) -> Error {
        broken(self.url.place(), self.phases.connect, source)
    }
}

impl Answer {
    /// The next bytes of the body; `None` at its end.
    pub(super) async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        let place = self.place.clone();
        // What never ceases to come would never be waited for.
        if until <= Instant::now() {
            return Err(Error::Overdue { place });
        }
        let end = until.min(Instant::now() + self.idle);
        match self
            .stop
            .run_until_cancelled(timeout_at(end, self.response.chunk()))
            .await
        {
            None => Err(Error::Stopped { place }),
            Some(Ok(Ok(chunk))) => Ok(chunk.map(Vec::from)),
            Some(Ok(Err(source))) => Err(broken(place, self.idle, source)),
            Some(Err(_)) if until <= Instant::now() => Err(Error::Overdue { place }),
            Some(Err(_)) => Err(Error::Silent {
                place,
                phase: "waiting for data",
                after: self.idle,
            }),
        }
    }

    /// Reads the rest, so that what runs on the server (hooks, housekeeping) is not cut off and the connection can be used on.
    pub(super) async fn drain(mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while let Ok(Some(_)) = self.read(until).await {}
    }

    /// The beginning of a text that is not git's protocol, fit to be shown.
    async fn words(&mut self) -> String {
        let until = Instant::now() + self.idle;
        let mut text = Vec::new();
        while text.len() < words::MOST * 2
            && let Ok(Some(chunk)) = self.read(until).await
        {
            text.extend(chunk);
        }
        text.truncate(words::MOST * 2);
        words::scrub(&text)
    }
}

/// What the client's errors mean: told apart by where the request had got to.
fn broken(place: String, connect: Duration, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if source.is_connect() && source.is_timeout() {
        return Error::Silent {
            place,
            phase: "TCP connection and TLS handshake",
            after: connect,
        };
    }
    if is_tls(&source) {
        return Error::Tls { place, source };
    }
    if source.is_connect() {
        return Error::NoHttp { place, source };
    }
    Error::HttpBroken { place, source }
}

/// TLS failures are data that the TLS layer could not accept, wrapped once or twice.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let mut wrapped = error.downcast_ref::<io::Error>();
        while let Some(error) = wrapped {
            if error.kind() == io::ErrorKind::InvalidData {
                return true;
            }
            wrapped = error.get_ref().and_then(|inner| inner.downcast_ref());
        }
        cause = error.source();
    }
    false
}

fn joined(base: &Url, rest: &str) -> Url {
    base.join(rest).unwrap_or_else(|_| base.clone())
}
