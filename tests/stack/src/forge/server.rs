//! A forge's API on loopback. Every call and every response is compared with the forge's own description.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Response};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::description::Description;

/// A call.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The HTTP method, for example `GET`.
    pub method: String,
    /// The path below the API's address, as it was sent.
    pub path: String,
    /// The names and values of the query, decoded.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, if it is JSON.
    pub body: Option<Value>,
    /// The body as it was sent.
    pub bytes: Vec<u8>,
}

impl Ask {
    /// The value of a header; empty if the header is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// A value of the query; empty if it is missing.
    #[must_use]
    pub fn query(&self, name: &str) -> &str {
        let mut all = self.query.iter();
        all.find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A field of the body.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.body.as_ref().and_then(|body| body.get(name))
    }
}

/// The state of a forge, and its responses.
pub trait Api: Send + 'static {
    /// The prefix of every path.
    fn base(&self) -> &'static str;

    /// What is wrong with a call apart from its form, for example its token.
    fn faults(&self, ask: &Ask) -> Vec<String>;

    /// The status and the body of the response.
    fn answer(&mut self, ask: &Ask) -> (u16, Value);

    /// The call with the path of the description.
    fn named(&self, ask: Ask) -> Ask {
        ask
    }
}

/// A response that replaces the forge's own.
#[derive(Debug, Clone, Default)]
pub struct Instead {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// A running API. Dropping it ends it.
#[derive(Debug)]
pub struct ForgeServer<A> {
    addr: SocketAddr,
    shared: Arc<Shared<A>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared<A> {
    description: Description,
    api: Mutex<A>,
    asked: Mutex<Vec<String>>,
    faults: Mutex<Vec<String>>,
    instead: Mutex<Option<Instead>>,
}

impl<A: Api> ForgeServer<A> {
    /// Serves an API on a free port.
    ///
    /// # Errors
    /// When no port is available.
    pub async fn start(description: Description, api: A) -> Result<Self> {
        let shared = Arc::new(Shared {
            description,
            api: Mutex::new(api),
            asked: Mutex::default(),
            faults: Mutex::default(),
            instead: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port")?;
        let addr = listener.local_addr()?;
        let app = Router::new().fallback(serve::<A>).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { addr, shared, task })
    }

    /// The address of the API, with the prefix of every path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr, self.api().base())
    }

    /// The state of the forge.
    pub fn api(&self) -> MutexGuard<'_, A> {
        locked(&self.shared.api)
    }

    /// The calls since the last call of this function: method and path.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.shared.asked))
    }

    /// Everything that was wrong with calls and responses.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        locked(&self.shared.faults).clone()
    }

    /// The next call gets this response.
    pub fn answer_once(&self, instead: Instead) {
        *locked(&self.shared.instead) = Some(instead);
    }
}

impl<A> Drop for ForgeServer<A> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Far above what is sent.
const LONGEST: usize = 4 << 20;

async fn serve<A: Api>(State(shared): State<Arc<Shared<A>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LONGEST)
        .await
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default();
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let mut api = locked(&shared.api);
    let path = parts.uri.path();
    let ask = Ask {
        method: parts.method.to_string(),
        path: path
            .strip_prefix(api.base())
            .unwrap_or("/outside-of-the-api")
            .to_owned(),
        query: query.map(|query| query.0).unwrap_or_default(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).ok(),
        bytes,
    };
    let ask = api.named(ask);
    let call = format!("{} {}", ask.method, ask.path);
    let mut wrong = shared.description.request(&ask);
    wrong.extend(api.faults(&ask));
    if ask.body.is_none() && !ask.bytes.is_empty() {
        wrong.push("the body is not JSON".to_owned());
    }
    let instead = locked(&shared.instead).take();
    let answer = match instead {
        Some(instead) => instead,
        None => {
            let (status, body) = api.answer(&ask);
            let faults = shared.description.answer(&ask, status, &body);
            wrong.extend(faults.into_iter().map(|fault| format!("answered {status}: {fault}")));
            Instead {
                status,
                headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
                body: if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                },
            }
        }
    };
    locked(&shared.faults).extend(wrong.into_iter().map(|fault| format!("{call}: {fault}")));
    locked(&shared.asked).push(call);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_default()
}
