use super::reach::{Reach, Remote};
use axum::http;
use futures::future::{BoxFuture, FutureExt as _};
use kube::Client;
use kube::client::Body;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

type Request = http::Request<Body>;
type Response = http::Response<Body>;
type Failure = Box<dyn Error + Send + Sync>;

/// How long an address and its credentials are used before they are read again.
const FRESH: Duration = Duration::from_secs(300);
/// The shortest time between two readings, while there is a client.
const PAUSE: Duration = Duration::from_secs(15);
/// How long a failed reading answers other requests, where there is no client.
const REMEMBER: Duration = Duration::from_secs(5);
/// The longest time for a reading.
const DEADLINE: Duration = Duration::from_secs(40);

/// The client of a server whose address and credentials are read when they are needed, and read again from time to time, or after
/// the server refused them.
///
/// One reading runs at a time. While a reading fails, the client before it stays in use.
pub(in crate::cluster) struct RemoteServer {
    remote: Box<dyn Remote>,
    /// What every request says of its sender.
    configure: fn(&mut kube::Config),
    state: Mutex<State>,
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    client: Option<(Client, String)>,
    /// When the reading ended that succeeded last, or failed last.
    read_at: Option<Instant>,
    failed: Option<Arc<str>>,
    /// Whether the server refused what was read.
    is_refused: bool,
}

/// Why a target's address or credentials cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::cluster) struct NotReached(Arc<str>);

impl RemoteServer {
    /// A client that resolves the server at each request. Sends nothing yet.
    pub(in crate::cluster) fn client(remote: Box<dyn Remote>, configure: fn(&mut kube::Config)) -> Client {
        let server = Arc::new(Self {
            remote,
            configure,
            state: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        });
        let service = tower::service_fn(
            move |request: Request| -> BoxFuture<'static, Result<Response, Failure>> {
                Arc::clone(&server).send(request).boxed()
            },
        );
        Client::new(service, "default")
    }

    async fn send(self: Arc<Self>, mut request: Request) -> Result<Response, Failure> {
        let client = self.resolve().await?;
        if let Some(bearer) = self.remote.bearer().await.map_err(|why| NotReached(why.into()))? {
            let mut value = http::HeaderValue::from_str(&format!("Bearer {}", bearer.expose()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let answer = client.send(request).await;
        let is_refused = match &answer {
            Ok(response) => response.status().as_u16() == 401,
            Err(_) => true,
        };
        if is_refused {
            self.remote.forget();
            self.state().is_refused = true;
        }
        Ok(answer?)
    }

    async fn resolve(&self) -> Result<Client, NotReached> {
        if let Some(client) = self.kept()? {
            return Ok(client);
        }
        let old = self.state().client.as_ref().map(|(client, _)| client.clone());
        let _reading = match (self.reading.try_lock(), old) {
            (Ok(reading), _) => reading,
            (Err(_), Some(old)) => return Ok(old),
            (Err(_), None) => self.reading.lock().await,
        };
        if let Some(client) = self.kept()? {
            return Ok(client);
        }
        let reach = tokio::time::timeout(DEADLINE, self.remote.reach()).await;
        let reach = reach.unwrap_or_else(|_| Err(format!("no answer within {} s", DEADLINE.as_secs())));
        self.keep(reach)
    }

    /// The client, unless it is time to read again.
    fn kept(&self) -> Result<Option<Client>, NotReached> {
        let state = self.state();
        let since = state.read_at.map(|at| at.elapsed());
        let is_within = |time: Duration| since.is_some_and(|since| since < time);
        match (&state.client, &state.failed) {
            (Some((client, _)), failed) => {
                let time = if state.is_refused || failed.is_some() {
                    PAUSE
                } else {
                    FRESH
                };
                Ok(is_within(time).then(|| client.clone()))
            }
            (None, Some(failed)) if is_within(REMEMBER) => Err(NotReached(Arc::clone(failed))),
            (None, _) => Ok(None),
        }
    }

    fn keep(&self, reach: Result<Reach, String>) -> Result<Client, NotReached> {
        let mut state = self.state();
        state.read_at = Some(Instant::now());
        state.is_refused = false;
        let made = reach.and_then(|reach| match &state.client {
            Some((client, version)) if *version == reach.version => Ok((client.clone(), reach.version)),
            _ => {
                let mut config = reach.config;
                (self.configure)(&mut config);
                let client = Client::try_from(config).map_err(|error| crate::model::with_causes(&error));
                client.map(|client| (client, reach.version))
            }
        });
        match (made, state.client.clone()) {
            (Ok((client, version)), _) => {
                state.failed = None;
                state.client = Some((client.clone(), version));
                Ok(client)
            }
            (Err(why), old) => {
                let why: Arc<str> = why.into();
                state.failed = Some(Arc::clone(&why));
                old.map(|(client, _)| client).ok_or(NotReached(why))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
