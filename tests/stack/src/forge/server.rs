//! A forge's API on loopback: whatever is asked and answered is held against the forge's own description.

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

/// One call.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `GET`
    pub method: String,
    /// Below the API's address, as it was sent.
    pub path: String,
    /// Names and values, decoded.
    pub query: Vec<(String, String)>,
    /// All of them.
    pub headers: HeaderMap,
    /// The body, if there is one and it is JSON.
    pub body: Option<Value>,
    /// The body as it was sent.
    pub bytes: Vec<u8>,
}

impl Ask {
    /// A header, empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// A value of the address, empty if it is not there.
    #[must_use]
    pub fn query(&self, name: &str) -> &str {
        let mut all = self.query.iter();
        all.find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A member of the body.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.body.as_ref().and_then(|body| body.get(name))
    }
}

/// What a forge keeps, and how it answers.
pub trait Api: Send + 'static {
    /// What stands before every path.
    fn base(&self) -> &'static str;

    /// What is wrong with a call beside its shape: who asks, in which dialect.
    fn faults(&self, ask: &Ask) -> Vec<String>;

    /// Status and body.
    fn answer(&mut self, ask: &Ask) -> (u16, Value);

    /// The call under the name that the description has for it.
    fn named(&self, ask: Ask) -> Ask {
        ask
    }
}

/// An answer that comes instead of the forge's own.
#[derive(Debug, Clone, Default)]
pub struct Instead {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
}

/// A running API; it ends when it is dropped.
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
    /// When there is none.
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

    /// The API's address, with what stands before every path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr, self.api().base())
    }

    /// What it keeps.
    pub fn api(&self) -> MutexGuard<'_, A> {
        locked(&self.shared.api)
    }

    /// The calls since this was asked last: method and path.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.shared.asked))
    }

    /// All that was wrong, with calls and with answers.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        locked(&self.shared.faults).clone()
    }

    /// The next call is answered so.
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
            let told = shared.description.answer(&ask, status, &body);
            wrong.extend(told.into_iter().map(|fault| format!("answered {status}: {fault}")));
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
