//! A web service on loopback that takes notifications, keeps each request, and answers as the test asks.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;

use crate::http_thread::HttpThread;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /hooks/1`.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The status that it was answered with.
    pub status: u16,
}

impl Received {
    /// The header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A running service. Dropping the handle ends the service.
#[derive(Debug)]
pub struct Receiver {
    http: HttpThread,
    kept: Arc<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    received: Vec<Received>,
    /// The answers to the next requests. Then 200.
    answers: VecDeque<Answer>,
}

/// Status, headers, body.
type Answer = (u16, Vec<(String, String)>, String);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Starts the service on a free port.
    ///
    /// # Errors
    /// When no port or thread is free.
    pub fn start() -> Result<Self> {
        let kept = Arc::new(Kept::default());
        let routes = Router::new().fallback(take).with_state(Arc::clone(&kept));
        let http = HttpThread::start("receiver", ([127, 0, 0, 1], 0).into(), routes)?;
        Ok(Self { http, kept })
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// Answers the next request like this.
    pub fn answer_next(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let answer = (status, headers.collect(), body.to_owned());
        self.kept.lock().answers.push_back(answer);
    }

    /// Everything that arrived, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.kept.lock().received.clone()
    }

    /// Waits until what arrived fulfils a condition. Blocks the thread.
    ///
    /// # Errors
    /// When it does not within two minutes; the message has what arrived.
    pub fn wait_for(&self, what: &str, is_met: impl Fn(&[Received]) -> bool) -> Result<Vec<Received>> {
        let end = Instant::now() + Duration::from_secs(120);
        let mut inner = self.kept.lock();
        loop {
            if is_met(&inner.received) {
                return Ok(inner.received.clone());
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                bail!("no {what} arrived: {:#?}", inner.received);
            };
            (inner, _) = self
                .kept
                .arrived
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

async fn take(
    State(kept): State<Arc<Kept>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut inner = kept.lock();
    let (status, answer_headers, answer) = inner
        .answers
        .pop_front()
        .unwrap_or_else(|| (200, Vec::new(), "ok".to_owned()));
    let headers = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    inner.received.push(Received {
        line: format!("{method} {uri}"),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        status,
    });
    kept.arrived.notify_all();
    let mut response = (StatusCode::from_u16(status).unwrap_or_default(), answer).into_response();
    for (name, value) in answer_headers {
        if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.parse()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
