//! `/_admin/`: the operations of the Rust handle, for curl.
//!
//! Parameters are in the query. `account` and `region` name a registry; both are optional.
//!
//! | request | effect |
//! |---|---|
//! | `POST /_admin/push?repository=R&tag=T[&pushed_at=SECONDS]` | pushes a new image |
//! | `POST /_admin/retag?repository=R&digest=D&tag=T` | adds a tag to an image |
//! | `POST /_admin/delete-tag?repository=R&tag=T` | deletes a tag |
//! | `POST /_admin/repository?repository=R[&tags=IMMUTABLE]` | creates a repository |
//! | `POST /_admin/faults` with a fault as JSON body | `{"kind": "throttle", "operation": "DescribeImages", "times": 3}` |
//! | `GET /_admin/faults`, `DELETE /_admin/faults` | lists all faults, ends all faults |
//! | `POST /_admin/expire-page-tokens` | makes every `nextToken` so far invalid |
//! | `GET /_admin/requests` | returns the number of requests so far, by operation and repository |

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract,
    http::{Method, Response, StatusCode, request::Parts},
};
use serde_json::{Value, json};

use super::{
    Fault, PushTime,
    answer::respond,
    server::{Shared, World},
    store::Scope,
    validate,
};

pub(super) fn answer(shared: &Shared, request: &Parts, body: &[u8]) -> Response<Body> {
    let query = match extract::Query::try_from_uri(&request.uri) {
        Ok(extract::Query(values)) => Query(values),
        Err(error) => return reply(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    let mut world = shared.lock();
    let done = match (&request.method, request.uri.path()) {
        (&Method::POST, "/_admin/push") => world.admin_push(&query),
        (&Method::POST, "/_admin/retag") => world.admin_retag(&query),
        (&Method::POST, "/_admin/delete-tag") => world.admin_delete_tag(&query),
        (&Method::POST, "/_admin/repository") => world.admin_repository(&query),
        (&Method::POST, "/_admin/faults") => serde_json::from_slice::<Fault>(body)
            .map(|fault| {
                world.faults.add(fault);
                json!({ "faults": world.faults.all() })
            })
            .map_err(|error| format!("not a fault: {error}")),
        (&Method::GET, "/_admin/faults") => Ok(json!({ "faults": world.faults.all() })),
        (&Method::DELETE, "/_admin/faults") => {
            world.faults.clear();
            Ok(json!({ "faults": [] }))
        }
        (&Method::POST, "/_admin/expire-page-tokens") => {
            world.pages.expire_tokens();
            Ok(json!({}))
        }
        (&Method::GET, "/_admin/requests") => {
            let counts = world.requests.iter().map(
                |(operation, repository, count)| json!({ "operation": operation, "repository": repository, "count": count }),
            );
            Ok(json!({ "total": world.requests.total(), "requests": counts.collect::<Vec<_>>() }))
        }
        (method, path) => {
            let message = format!(
                "no {method} {path}; there are push, retag, delete-tag, repository, faults, expire-page-tokens, requests"
            );
            return reply(StatusCode::NOT_FOUND, &json!({ "error": message }));
        }
    };
    match done {
        Ok(value) => reply(StatusCode::OK, &value),
        Err(message) => reply(StatusCode::BAD_REQUEST, &json!({ "error": message })),
    }
}

impl World {
    fn admin_push(&mut self, query: &Query) -> Result<Value, String> {
        let scope = self.scope_of(query);
        let (repository, tag) = (query.required("repository")?, query.required("tag")?);
        let pushed_at = match query.value("pushed_at").map(str::parse::<f64>) {
            None => PushTime::now(),
            Some(Ok(seconds)) if seconds.is_finite() => PushTime::from(seconds),
            Some(_) => return Err("pushed_at must be seconds since the epoch".to_owned()),
        };
        let digest = self
            .push_made_up(&scope, repository, Some(tag), pushed_at)
            .map_err(|failure| failure.message)?;
        Ok(json!({ "digest": digest, "image": format!("{}/{repository}:{tag}", scope.host()) }))
    }

    fn admin_retag(&mut self, query: &Query) -> Result<Value, String> {
        let scope = self.scope_of(query);
        let (repository, digest, tag) = (
            query.required("repository")?,
            query.required("digest")?,
            query.required("tag")?,
        );
        self.retag(&scope, repository, digest, tag)
            .map_err(|failure| failure.message)?;
        Ok(json!({ "digest": digest }))
    }

    fn admin_delete_tag(&mut self, query: &Query) -> Result<Value, String> {
        let scope = self.scope_of(query);
        let (name, tag) = (query.required("repository")?, query.required("tag")?);
        let repository = self
            .store
            .repository_mut(&scope, name)
            .map_err(|unknown| unknown.message)?;
        repository
            .remove_tag(tag)
            .map(|digest| json!({ "digest": digest }))
            .ok_or_else(|| format!("no tag {tag}"))
    }

    fn admin_repository(&mut self, query: &Query) -> Result<Value, String> {
        let scope = self.scope_of(query);
        let name = query.required("repository")?;
        let tags = validate::mutability(query.value("tags")).map_err(|bad| bad.message)?;
        self.ensure(&scope, name, tags).map_err(|bad| bad.message)?;
        Ok(json!({ "repository": format!("{}/{name}", scope.host()) }))
    }

    fn scope_of(&self, query: &Query) -> Scope {
        Scope {
            account: query.value("account").unwrap_or(&self.keys.default_account).to_owned(),
            region: query.value("region").unwrap_or(&self.default_region).to_owned(),
        }
    }
}

struct Query(BTreeMap<String, String>);

impl Query {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> Result<&str, String> {
        self.value(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("the query needs {name}=..."))
    }
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    respond(status, "application/json", format!("{value}\n"))
}
