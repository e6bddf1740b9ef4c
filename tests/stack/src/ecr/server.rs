//! One server: its state, and the way of a request through it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode},
};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    PushTime, admin,
    answer::{Failure, amz_json, codes},
    bodies,
    busy::Busy,
    clock::{Clock, epoch_now},
    counts::Requests,
    faults::{FaultKind, Faults},
    handle::Options,
    oci,
    pages::Pages,
    read,
    store::{Scope, Store},
    tokens::Tokens,
    validate,
    wire::{self, Caller, Input, Keys},
    write,
};

/// Above the largest manifest and its JSON quoting.
const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

/// All that a server knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
    pub(super) pages: Pages,
    pub(super) tokens: Tokens,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
    /// Makes each made-up manifest unlike all others.
    pub(super) serial: u64,
    pub(super) needs_sharing: bool,
    pub(super) default_region: String,
    request_serial: u64,
}

/// The world, and a bell that rings at each request.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    world: Arc<Mutex<World>>,
    pub(super) bell: Arc<watch::Sender<()>>,
    pub(super) busy: Busy,
}

impl Shared {
    pub(super) fn new(options: &Options) -> Self {
        let secret = || format!("{:x}", RandomState::new().hash_one(epoch_now().to_bits()));
        let world = World {
            store: Store::default(),
            faults: Faults::default(),
            requests: Requests::default(),
            pages: Pages::sealed_with(secret()),
            tokens: Tokens::sealed_with(secret()),
            keys: Keys {
                listed: Default::default(),
                default_account: options.account.clone(),
            },
            clock: Clock::default(),
            serial: 0,
            needs_sharing: false,
            default_region: options.region.clone(),
            request_serial: 0,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            bell: Arc::new(watch::Sender::new(())),
            busy: Busy::default(),
        }
    }

    /// The state, whole again even after a panic of another holder: every change to it is a single step.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return Failure::new(codes::SERIALIZATION, "request body too large or incomplete").into_response();
    };
    let path = parts.uri.path();
    if path.starts_with("/_admin/") {
        return admin::answer(&shared, &parts, &body);
    }
    let _in_flight = shared.busy.enter();
    let (mut response, fault) = if path == "/v2" || path.starts_with("/v2/") {
        oci::answer(&mut shared.lock(), &parts)
    } else if parts.method == Method::POST && path == "/" {
        api(&mut shared.lock(), &parts.headers, &body)
    } else {
        let unknown = Failure::new(codes::UNKNOWN_OPERATION, "").with_status(StatusCode::NOT_FOUND);
        (unknown.into_response(), None)
    };
    shared.bell.send_replace(());
    let id = shared.lock().next_request_id();
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    bodies::spoil(response, fault.as_ref()).await
}

fn api(world: &mut World, headers: &HeaderMap, body: &Bytes) -> (Response<Body>, Option<FaultKind>) {
    let (outcome, fault) = match world.asked(headers, body) {
        Ok((asked, fault)) => (world.call(&asked, fault.as_ref()), fault),
        Err(failure) => (Err(failure), None),
    };
    let response = outcome.map_or_else(Failure::into_response, |value| amz_json(StatusCode::OK, &value));
    (response, fault)
}

/// A request that is understood, from a caller who is known.
struct Asked {
    operation: String,
    input: Input,
    caller: Caller,
    scope: Scope,
}

impl World {
    fn asked(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<(Asked, Option<FaultKind>), Failure> {
        let operation = wire::operation(headers).ok_or_else(|| Failure::new(codes::UNKNOWN_OPERATION, ""))?;
        let parsed = Input::parse(body);
        let repository = parsed.as_ref().map(Input::repository).unwrap_or_default().to_owned();
        self.requests.add(operation, &repository);
        let caller = self.keys.caller(headers)?;
        let input = parsed?;
        validate::registry_id(input.registry_id.as_deref())?;
        let account = input.registry_id.clone().unwrap_or_else(|| caller.account.clone());
        let scope = Scope {
            account,
            region: caller.region.clone(),
        };
        let fault = self.faults.take(operation, &scope.account, &repository);
        Ok((
            Asked {
                operation: operation.to_owned(),
                input,
                caller,
                scope,
            },
            fault,
        ))
    }

    fn call(&mut self, asked: &Asked, fault: Option<&FaultKind>) -> Result<Value, Failure> {
        let Asked {
            operation,
            input,
            caller,
            scope,
        } = asked;
        let repository = input.repository();
        let resource = match (operation.as_str(), repository) {
            ("GetAuthorizationToken", _) => "*".to_owned(),
            (_, "") => scope.arn("*"),
            (_, name) => scope.arn(name),
        };
        if let Some(failure) = fault.and_then(|fault| fault.failure(&caller.arn, operation, &resource)) {
            return Err(failure);
        }
        if !self.lets_in(&caller.account, scope, repository) {
            return Err(Failure::denied(&caller.arn, operation, &resource, "resource-based"));
        }
        let (store, pages) = (&mut self.store, &self.pages);
        match operation.as_str() {
            "CreateRepository" => write::create_repository(store, scope, input),
            "DescribeRepositories" => read::describe_repositories(store, pages, scope, input),
            "DescribeImages" => read::describe_images(store, pages, scope, input),
            "ListImages" => read::list_images(store, pages, scope, input),
            "BatchGetImage" => read::batch_get_image(store, scope, input),
            "PutImage" => write::put_image(store, scope, input, PushTime::now().settle(&mut self.clock)),
            "BatchDeleteImage" => write::batch_delete_image(store, scope, input),
            "GetAuthorizationToken" => write::get_authorization_token(&mut self.tokens, caller, input),
            _ => Err(Failure::new(codes::UNKNOWN_OPERATION, "")),
        }
    }

    /// Whether repository policies let this account's principals at the repository.
    pub(super) fn lets_in(&self, account: &str, scope: &Scope, repository: &str) -> bool {
        account == scope.account
            || !self.needs_sharing
            || self
                .store
                .repository(scope, repository)
                .is_ok_and(|found| found.shared_with.contains(account))
    }

    fn next_request_id(&mut self) -> String {
        self.request_serial += 1;
        let serial = self.request_serial;
        format!("{serial:08x}-0000-4000-8000-{serial:012x}")
    }
}
