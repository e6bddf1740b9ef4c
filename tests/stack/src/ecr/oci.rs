//! The registry's `/v2/` API (OCI distribution specification, pull side) for the same images.

use axum::{
    body::Body,
    extract::Query,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::respond,
    clock::epoch_now,
    faults::FaultKind,
    server::World,
    store::{Repository, Scope},
    tokens::Refusal,
    validate::is_digest,
};

/// Tags on a page where the caller names no count, and the most there are on one.
const TAGS_ON_A_PAGE: usize = 1000;

#[derive(Debug, Deserialize)]
struct Paging {
    n: Option<usize>,
    last: Option<String>,
}

/// What a path below `/v2/` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked<'a> {
    Base,
    Tags(&'a str),
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
}

impl<'a> Asked<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/v2")?.trim_start_matches('/');
        if rest.is_empty() {
            return Some(Self::Base);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags(name));
        }
        let (rest, reference) = rest.rsplit_once('/')?;
        if let Some(name) = rest.strip_suffix("/manifests") {
            return Some(Self::Manifest(name, reference));
        }
        rest.strip_suffix("/blobs").map(|name| Self::Blob(name, reference))
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Base => "oci:base",
            Self::Tags(_) => "oci:tags",
            Self::Manifest(..) => "oci:manifest",
            Self::Blob(..) => "oci:blob",
        }
    }

    fn repository(self) -> &'a str {
        match self {
            Self::Base => "",
            Self::Tags(name) | Self::Manifest(name, _) | Self::Blob(name, _) => name,
        }
    }
}

pub(super) fn answer(world: &mut World, request: &Parts) -> (Response<Body>, Option<FaultKind>) {
    let Some(asked) = Asked::of(request.uri.path()) else {
        return (error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "unknown path"), None);
    };
    let scope = scope(world, &request.headers);
    world.requests.add(asked.operation(), asked.repository());
    if let Some(refused) = unauthorized(world, request, asked, &scope) {
        return (refused, None);
    }
    let fault = world.faults.take(asked.operation(), &scope.account, asked.repository());
    if let Some(refused) = fault.as_ref().and_then(|fault| refuse(fault, asked, &scope)) {
        return (refused, None);
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return (
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "The operation is unsupported.",
            ),
            None,
        );
    }
    let response = match (asked, world.store.repository(&scope, asked.repository())) {
        (Asked::Base, _) => respond(StatusCode::OK, "application/json", "{}"),
        (_, Err(unknown)) => error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", &unknown.message),
        (Asked::Tags(_), Ok(repository)) => match Query::try_from_uri(&request.uri) {
            Ok(Query(paging)) => tags(repository, &paging),
            Err(_) => error(
                StatusCode::BAD_REQUEST,
                "PAGINATION_NUMBER_INVALID",
                "invalid number of results",
            ),
        },
        (Asked::Manifest(_, reference), Ok(repository)) => manifest(repository, reference),
        (Asked::Blob(_, digest), Ok(repository)) => blob(repository, digest),
    };
    (response, fault)
}

/// The registry that the `Host` header names; on loopback, where it names none, the default one.
fn scope(world: &World, headers: &HeaderMap) -> Scope {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut labels = host.split('.');
    match (labels.next(), labels.next(), labels.next(), labels.next()) {
        (Some(account), Some("dkr"), Some("ecr"), Some(region)) => Scope {
            account: account.to_owned(),
            region: region.to_owned(),
        },
        _ => Scope {
            account: world.keys.default_account.clone(),
            region: world.default_region.clone(),
        },
    }
}

fn refuse(fault: &FaultKind, asked: Asked<'_>, scope: &Scope) -> Option<Response<Body>> {
    let refused = match fault {
        FaultKind::Throttle => error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "Rate exceeded"),
        FaultKind::ServerError { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(
                status,
                "text/html",
                format!("<html><body><h1>{status}</h1></body></html>"),
            )
        }
        FaultKind::ExpiredToken => expired(),
        FaultKind::AccessDenied => {
            let resource = scope.arn(asked.repository());
            let message = format!("not authorized to perform: ecr:BatchGetImage on resource: {resource}");
            error(StatusCode::FORBIDDEN, "DENIED", &message)
        }
        FaultKind::Delay { .. } | FaultKind::SlowBody { .. } | FaultKind::CutBody { .. } | FaultKind::Stall { .. } => {
            return None;
        }
    };
    Some(refused)
}

fn unauthorized(world: &World, request: &Parts, asked: Asked<'_>, scope: &Scope) -> Option<Response<Body>> {
    let authorization = request
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    match world.tokens.check(authorization, epoch_now()) {
        Err(Refusal::Expired) => Some(expired()),
        Err(Refusal::Absent | Refusal::Unknown) => {
            let mut response = respond(
                StatusCode::UNAUTHORIZED,
                "text/plain; charset=utf-8",
                "Not Authorized\n",
            );
            let challenge = format!(
                "Basic realm=\"https://{}/\",service=\"ecr.amazonaws.com\"",
                scope.host()
            );
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            Some(response)
        }
        Ok(grant) if grant.region != scope.region => Some(error(
            StatusCode::FORBIDDEN,
            "DENIED",
            "Your Authorization Token is invalid.",
        )),
        Ok(grant) if asked != Asked::Base && !world.lets_in(&grant.account, scope, asked.repository()) => {
            let resource = scope.arn(asked.repository());
            let message = format!("not authorized to perform: ecr:BatchGetImage on resource: {resource}");
            Some(error(StatusCode::FORBIDDEN, "DENIED", &message))
        }
        Ok(_) => None,
    }
}

fn tags(repository: &Repository, paging: &Paging) -> Response<Body> {
    let count = paging.n.unwrap_or(TAGS_ON_A_PAGE).min(TAGS_ON_A_PAGE);
    let mut following = repository.tags_after(paging.last.as_deref());
    let page: Vec<_> = following.by_ref().take(count).collect();
    let name = &repository.name;
    let mut response = respond(
        StatusCode::OK,
        "application/json",
        json!({ "name": name, "tags": page }).to_string(),
    );
    if let (Some(last), Some(_)) = (page.last(), following.next())
        && let Ok(link) = HeaderValue::from_str(&format!("</v2/{name}/tags/list?last={last}&n={count}>; rel=\"next\""))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

fn manifest(repository: &Repository, reference: &str) -> Response<Body> {
    let found = if is_digest(reference) {
        repository.by_digest(reference)
    } else {
        repository.by_tag(reference)
    };
    let Some(image) = found else {
        return error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found");
    };
    let mut response = respond(StatusCode::OK, "application/octet-stream", image.manifest.to_string());
    let headers = response.headers_mut();
    if let (Ok(media_type), Ok(digest)) = (
        HeaderValue::from_str(&image.parsed.media_type),
        HeaderValue::from_str(&image.digest),
    ) {
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert("docker-content-digest", digest);
    }
    response
}

fn blob(repository: &Repository, digest: &str) -> Response<Body> {
    match repository.blob(digest) {
        Some(text) => respond(StatusCode::OK, "application/octet-stream", text.to_string()),
        None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
    }
}

fn expired() -> Response<Body> {
    let message = "Your authorization token has expired. Reauthenticate and try again.";
    error(StatusCode::FORBIDDEN, "DENIED", message)
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    respond(status, "application/json; charset=utf-8", body.to_string())
}
