//! Git over HTTP and HTTPS: logins, redirects and refusals in front of `git http-backend`.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use axum::serve::Listener;
use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use super::cgi;
use super::server::Access;

/// A web server with a folder of bare repositories. It ends when dropped.
pub struct WebServer {
    addr: SocketAddr,
    authority: Option<String>,
    rules: Arc<Rules>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Method, path and query.
    pub line: String,
    /// The `Authorization` header, if there was one.
    pub authorization: Option<String>,
}

/// One who may come in.
struct Login {
    header: String,
    name: String,
    access: Access,
}

#[derive(Default)]
struct Rules {
    root: PathBuf,
    logins: Mutex<Vec<Login>>,
    public: Mutex<bool>,
    redirect: Mutex<Option<(String, String)>>,
    refusal: Mutex<Option<(u16, String, String)>>,
    seen: Mutex<Vec<Seen>>,
}

impl WebServer {
    /// Serves the folder; with `tls` under a certificate for 127.0.0.1 and localhost by an authority of its own.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn start(root: PathBuf, tls: bool) -> Result<WebServer> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("the web server cannot listen")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let (authority, acceptor) = match tls {
            true => certificates().map(|(authority, acceptor)| (Some(authority), Some(acceptor)))?,
            false => (None, None),
        };
        let rules = Arc::new(Rules {
            root,
            ..Rules::default()
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&rules));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let serving = async {
                    match acceptor {
                        None => axum::serve(listener, router).await,
                        Some(acceptor) => axum::serve(Encrypted::new(listener, acceptor), router).await,
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    _ = serving => {}
                }
            });
        })?;
        Ok(WebServer {
            addr,
            authority,
            rules,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://127.0.0.1:port/name.git`
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        self.url_through(self.addr, name)
    }

    /// The same by way of another address: that of a relay in front.
    #[must_use]
    pub fn url_through(&self, addr: SocketAddr, name: &str) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{addr}/{name}.git")
    }

    /// The authority's certificate, PEM; empty without TLS.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }

    /// Lets everybody fetch without a login.
    pub fn open_to_all(&self) {
        *lock(&self.rules.public) = true;
    }

    /// Replaces all logins by a user with a password.
    pub fn only_user(&self, user: &str, password: &str, access: Access) {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.only(format!("Basic {text}"), user, access);
    }

    /// Replaces all logins by a bearer token.
    pub fn only_token(&self, token: &str, access: Access) {
        self.only(format!("Bearer {token}"), "token", access);
    }

    /// Answers requests whose path begins with `from` by a redirect to `to` and the rest of the path.
    pub fn redirect(&self, from: &str, to: &str) {
        *lock(&self.rules.redirect) = Some((from.to_owned(), to.to_owned()));
    }

    /// Answers every request with a status, a content type and words; `None` ends it.
    pub fn refuse(&self, refusal: Option<(u16, &str, &str)>) {
        *lock(&self.rules.refusal) = refusal.map(|(status, kind, words)| (status, kind.to_owned(), words.to_owned()));
    }

    /// All requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.rules.seen).clone()
    }

    fn only(&self, header: String, name: &str, access: Access) {
        let name = name.to_owned();
        *lock(&self.rules.logins) = vec![Login { header, name, access }];
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(State(rules): State<Arc<Rules>>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    lock(&rules.seen).push(Seen {
        line: line.clone(),
        authorization: authorization.clone(),
    });
    if let Some((status, kind, words)) = lock(&rules.refusal).clone() {
        return reply(StatusCode::from_u16(status).unwrap_or_default(), &kind, &words);
    }
    let path = request.uri().to_string();
    if let Some((from, to)) = lock(&rules.redirect).clone()
        && let Some(rest) = path.strip_prefix(&from)
    {
        let mut response = reply(StatusCode::FOUND, "text/plain", "elsewhere\n");
        if let Ok(to) = format!("{to}{rest}").parse() {
            response.headers_mut().insert(header::LOCATION, to);
        }
        return response;
    }
    let known = lock(&rules.logins)
        .iter()
        .find(|login| Some(&login.header) == authorization.as_ref())
        .map(|login| (login.name.clone(), login.access));
    let pushing = path.contains("git-receive-pack");
    let user = match known {
        Some((_, Access::ReadOnly)) if pushing => {
            let words = "remote: Write access to repository not granted.\n";
            return reply(StatusCode::FORBIDDEN, "text/plain", words);
        }
        Some((user, _)) => Some(user),
        None if *lock(&rules.public) && !pushing => None,
        None => {
            let words = "HTTP Basic: Access denied. The provided password or token is incorrect.\n";
            let mut response = reply(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", words);
            let wants = header::HeaderValue::from_static("Basic realm=\"stack\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, wants);
            return response;
        }
    };
    match cgi::answer(&rules.root, request, user.as_deref()).await {
        Ok(response) => response,
        Err(error) => reply(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", &format!("{error:#}\n")),
    }
}

fn reply(status: StatusCode, kind: &str, words: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(words.to_owned()));
    *response.status_mut() = status;
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

fn certificates() -> Result<(String, TlsAcceptor)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let name = format!("stack-{:x}", RandomState::new().hash_one(0));
    params.distinguished_name.push(DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?).context("cannot sign the authority")?;
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["127.0.0.1", "localhost"].map(str::to_owned))?;
    let certificate = params
        .signed_by(&key, &authority)
        .context("cannot sign a certificate")?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}

/// Connections whose TLS handshake is done; one that hangs in it holds up no other.
struct Encrypted {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    addr: std::io::Result<SocketAddr>,
}

impl Encrypted {
    fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Encrypted {
        let addr = listener.local_addr();
        let (done, ready) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                let Ok((stream, from)) = listener.accept().await else {
                    continue;
                };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = done.send((stream, from)).await;
                    }
                });
            }
        });
        Encrypted { ready, addr }
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.addr.as_ref().copied().map_err(|error| error.kind().into())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
