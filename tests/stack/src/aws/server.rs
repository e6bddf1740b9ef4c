//! The handle of a server for tests, and the way of a request through it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extract};
use axum::http::Response;

use super::sigv4::{Asked, Claim};
use super::state::{Call, Cluster, Principal, State, Trust};
use super::{eks, sts};
use crate::http_thread::HttpThread;

/// The access key in [`AwsServer::env`]. The key and its secret are invented; they are those of the ECR stand-in, too.
const ACCESS_KEY: &str = "AKIATIDEGATESTACK000";
const SECRET_KEY: &str = "stand-in";
/// The account of that key.
const ACCOUNT: &str = "111122223333";
/// A signature is refused when it is older; a presigned request lives for fifteen minutes.
const OLDEST: i64 = 900;

/// What goes back to the caller.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

type Shared = Arc<Mutex<State>>;

/// A running stand-in. Dropping the handle ends the server.
#[derive(Debug)]
pub struct AwsServer {
    http: HttpThread,
    state: Shared,
}

impl AwsServer {
    /// Starts a server on a free loopback port, in a thread of its own. It accepts connections when this returns. It knows one
    /// key, that of [`env`](Self::env).
    ///
    /// # Errors
    /// When no port or thread is available.
    pub fn start() -> Result<Self> {
        let state = Shared::default();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = HttpThread::start("aws-standin", listen, routes)?;
        let server = Self { http, state };
        server.add_user(ACCESS_KEY, SECRET_KEY, &server.user());
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// The environment variables with which an AWS SDK uses this server for STS and EKS.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_STS", self.endpoint()),
            ("AWS_ENDPOINT_URL_EKS", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The principal of the key in [`env`](Self::env), as trust policies name it.
    #[must_use]
    pub fn user(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:user/{ACCESS_KEY}")
    }

    /// Adds a user with an access key.
    pub fn add_user(&self, access_key: &str, secret: &str, arn: &str) {
        let principal = Principal {
            account: arn.split(':').nth(4).unwrap_or(ACCOUNT).to_owned(),
            arn: arn.to_owned(),
            iam_arn: arn.to_owned(),
            secret: secret.to_owned(),
            token: String::new(),
            ends: None,
        };
        self.lock().keys.insert(access_key.to_owned(), principal);
    }

    /// Makes a role, or replaces its trust policy.
    pub fn set_role(&self, arn: &str, trust: Trust) {
        self.lock().roles.insert(arn.to_owned(), trust);
    }

    /// Makes a cluster, or replaces its data.
    pub fn set_cluster(&self, region: &str, name: &str, cluster: Cluster) {
        self.lock()
            .clusters
            .insert((region.to_owned(), name.to_owned()), cluster);
    }

    /// From now on this principal, and those named before, may describe clusters, and nobody else.
    pub fn allow_describing(&self, iam_arn: &str) {
        self.lock().may_describe.insert(iam_arn.to_owned());
    }

    /// Whether an operation answers with HTTP 503.
    pub fn set_out_of_order(&self, operation: &str, on: bool) {
        let mut state = self.lock();
        if on {
            state.out_of_order.insert(operation.to_owned());
        } else {
            state.out_of_order.remove(operation);
        }
    }

    /// Gives a principal access to every cluster, as a member of these groups. `None` takes the access away.
    pub fn set_access(&self, iam_arn: &str, groups: Option<&[&str]>) {
        let mut state = self.lock();
        match groups {
            Some(groups) => {
                let groups = groups.iter().map(|group| (*group).to_owned()).collect();
                state.access.insert(iam_arn.to_owned(), groups);
            }
            None => {
                state.access.remove(iam_arn);
            }
        }
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.http.address().port()
    }

    /// The access keys of all sessions, the oldest first.
    #[must_use]
    pub fn session_keys(&self) -> Vec<String> {
        let state = self.lock();
        let mut keys: Vec<&String> = state.keys.keys().filter(|key| key.starts_with("ASIA")).collect();
        keys.sort_by_key(|key| key.get(16..).map(str::to_owned));
        keys.into_iter().cloned().collect()
    }

    /// Ends all sessions: their keys are expired from now on.
    pub fn end_sessions(&self) {
        let mut state = self.lock();
        for (_, principal) in state.keys.iter_mut().filter(|(key, _)| key.starts_with("ASIA")) {
            principal.ends = Some(jiff::Timestamp::UNIX_EPOCH);
        }
    }

    /// The calls so far, refused ones included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of the server that a cluster asks about a bearer token (a TokenReview): decodes the token of an EKS cluster and
/// checks the presigned request in it, as STS would.
fn review(state: &State, cluster: &str, body: &[u8]) -> Answer {
    let review: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let status = match caller_of_token(state, cluster, token) {
        Ok((principal, groups)) => {
            serde_json::json!({"authenticated": true, "user": {"username": principal.arn, "groups": groups}})
        }
        Err(why) => serde_json::json!({"authenticated": false, "error": why}),
    };
    let answer = serde_json::json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status});
    Answer {
        status: 200,
        kind: "application/json",
        body: answer.to_string(),
    }
}

fn caller_of_token(state: &State, cluster: &str, token: &str) -> Result<(Principal, Vec<String>), String> {
    use base64::Engine as _;
    if token.len() > 4096 {
        return Err("the token is too long".to_owned());
    }
    let encoded = token.strip_prefix("k8s-aws-v1.").ok_or("no token of EKS")?;
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded);
    let url = String::from_utf8(url.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let rest = url.strip_prefix("https://sts.").ok_or("no STS")?;
    let (host, query) = rest.split_once("/?").ok_or("there is no query")?;
    let host = format!("sts.{host}");
    let mut headers = axum::http::HeaderMap::new();
    for (name, value) in [("host", host.as_str()), ("x-k8s-aws-id", cluster)] {
        headers.insert(name, value.parse().map_err(|_| "a header is no text")?);
    }
    let asked = Asked {
        method: "GET",
        path: "/",
        query,
        headers: &headers,
        body: b"",
    };
    let allowed = [
        "Action",
        "Version",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ];
    if let Some(name) = asked.query().into_keys().find(|name| !allowed.contains(name)) {
        return Err(format!("{name} may not be in the query"));
    }
    let (claim, principal) = state
        .caller(&asked)
        .map_err(|(_, code, message)| format!("{code}: {message}"))?;
    if claim.signed_headers != ["host", "x-k8s-aws-id"]
        || claim.service != "sts"
        || asked.query()["Action"] != "GetCallerIdentity"
    {
        return Err("the request is no GetCallerIdentity that names the cluster in a signed header".to_owned());
    }
    let groups = state.access.get(&principal.iam_arn).cloned();
    groups
        .map(|groups| (principal, groups))
        .ok_or_else(|| "no access entry".to_owned())
}

type Refused = (u16, &'static str, String);

impl State {
    fn caller(&self, asked: &Asked<'_>) -> Result<(Claim, Principal), Refused> {
        let missing = || {
            (
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token".to_owned(),
            )
        };
        let claim = Claim::read(asked).ok_or_else(missing)?;
        let invalid = || {
            let message = "The security token included in the request is invalid.";
            (403, "InvalidClientTokenId", message.to_owned())
        };
        let principal = self.keys.get(&claim.access_key).cloned().ok_or_else(invalid)?;
        if claim.token != principal.token {
            return Err(invalid());
        }
        if principal.ends.is_some_and(|ends| ends <= jiff::Timestamp::now()) {
            let message = "The security token included in the request is expired";
            return Err((403, "ExpiredToken", message.to_owned()));
        }
        let is_fresh = claim.age().is_some_and(|age| (-300..=OLDEST).contains(&age));
        if !is_fresh || !claim.is_by(&principal.secret, asked) {
            let message = "The request signature we calculated does not match the signature you provided.";
            return Err((403, "SignatureDoesNotMatch", message.to_owned()));
        }
        Ok((claim, principal))
    }
}

async fn answer(Extract(shared): Extract<Shared>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let asked = Asked {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    };
    let answer = dispatch(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), &asked);
    let response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.kind);
    let response = if answer.kind == "application/json" && answer.status >= 400 {
        let code: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        response.header("x-amzn-errortype", code["__type"].as_str().unwrap_or_default())
    } else {
        response
    };
    response.body(Body::from(answer.body)).unwrap_or_default()
}

fn dispatch(state: &mut State, asked: &Asked<'_>) -> Answer {
    if let Some(cluster) = asked.path.strip_prefix("/token-review/") {
        let cluster = cluster.split('?').next().unwrap_or_default();
        return review(state, cluster, asked.body);
    }
    let is_eks = asked.path.starts_with("/clusters");
    let failure = |status, code: &str, message: &str| match is_eks {
        true => eks::failure(status, code, message),
        false => sts::failure(status, code, message),
    };
    let (claim, caller) = match state.caller(asked) {
        Ok(found) => found,
        Err((status, code, message)) => return failure(status, code, &message),
    };
    let service = if is_eks { "eks" } else { "sts" };
    if claim.service != service {
        let message = format!("Credential should be scoped to correct service: '{service}'.");
        return failure(403, "SignatureDoesNotMatch", &message);
    }
    if is_eks {
        return eks::answer(state, asked.path, &caller, &claim.region);
    }
    let text = String::from_utf8_lossy(asked.body);
    let text = if asked.method == "GET" { asked.query } else { &text };
    sts::answer(state, &sts::parameters(text), &caller, &claim.region)
}
