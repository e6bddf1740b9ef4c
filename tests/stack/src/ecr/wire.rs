//! AWS JSON 1.1 as requests carry it: operation, caller, parameters.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::{
    answer::{Failure, codes},
    store::partition,
};

const TARGET_PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// The operation that `X-Amz-Target` names.
pub(super) fn operation(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix(TARGET_PREFIX)
}

/// Who signed the request, and for which region.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) arn: String,
}

/// What is known of an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// It belongs to this account.
    Of(String),
    /// Its session is over.
    Expired,
    /// It was deleted.
    Revoked,
}

/// Access keys; one that is not listed belongs to the default account.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) listed: BTreeMap<String, Key>,
    pub(super) default_account: String,
}

impl Keys {
    /// The caller by the `Authorization` header. Signatures themselves are not recomputed.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        let Some(authorization) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Err(Failure::new(codes::MISSING_TOKEN, "Missing Authentication Token"));
        };
        let (access_key, region, service) = credential(authorization).ok_or_else(|| {
            Failure::new(
                codes::INCOMPLETE_SIGNATURE,
                "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
            )
        })?;
        if service != "ecr" {
            let message = "Credential should be scoped to correct service: 'ecr'.";
            return Err(Failure::new(codes::INVALID_SIGNATURE, message));
        }
        let account = match self.listed.get(access_key) {
            None => session_account(access_key).unwrap_or(&self.default_account),
            Some(Key::Of(account)) => account,
            Some(Key::Expired) => {
                let message = "The security token included in the request is expired";
                return Err(Failure::new(codes::EXPIRED_TOKEN, message));
            }
            Some(Key::Revoked) => {
                let message = "The security token included in the request is invalid.";
                return Err(Failure::new(codes::UNRECOGNIZED_CLIENT, message));
            }
        };
        Ok(Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            arn: format!("arn:{}:iam::{account}:user/{access_key}", partition(region)),
        })
    }
}

/// The account of a session that the STS stand-in gave out: its access key holds the account.
fn session_account(access_key: &str) -> Option<&str> {
    let account = access_key.strip_prefix("ASIA")?.get(..12)?;
    account.bytes().all(|b| b.is_ascii_digit()).then_some(account)
}

/// Access key, region and service of `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...`.
fn credential(authorization: &str) -> Option<(&str, &str, &str)> {
    let parameters = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let parameter = |name: &str| {
        parameters
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .filter(|v| !v.is_empty())
    };
    parameter("SignedHeaders")?;
    parameter("Signature")?;
    let mut scope = parameter("Credential")?.split('/');
    let (key, _date, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    (scope.next() == Some("aws4_request") && scope.next().is_none()).then_some((key, region, service))
}

/// An image as requests name it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageId {
    pub(super) image_digest: Option<String>,
    pub(super) image_tag: Option<String>,
}

/// Filters of both listings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    pub(super) tag_status: Option<String>,
    pub(super) image_status: Option<String>,
}

/// The parameters of all operations; each reads its own. Members that no operation here has are ignored, as ECR does.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Input {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: Option<String>,
    pub(super) repository_names: Option<Vec<String>>,
    pub(super) registry_ids: Option<Vec<String>>,
    pub(super) image_ids: Option<Vec<ImageId>>,
    pub(super) accepted_media_types: Option<Vec<String>>,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<String>,
    pub(super) filter: Option<Filter>,
    pub(super) image_tag_mutability: Option<String>,
    pub(super) image_manifest: Option<String>,
    pub(super) image_manifest_media_type: Option<String>,
    pub(super) image_tag: Option<String>,
    pub(super) image_digest: Option<String>,
}

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let body = if body.is_empty() { b"{}".as_slice() } else { body };
        serde_json::from_slice(body).map_err(|error| Failure::new(codes::SERIALIZATION, error.to_string()))
    }

    /// The repository that the request is about, or nothing.
    pub(super) fn repository(&self) -> &str {
        let named = self.repository_names.as_deref().and_then(|names| match names {
            [one] => Some(one.as_str()),
            _ => None,
        });
        self.repository_name.as_deref().or(named).unwrap_or_default()
    }
}
