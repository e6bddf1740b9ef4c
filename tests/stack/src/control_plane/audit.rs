//! The API server's audit log, read as a list of finished requests.
//!
//! The server writes each entry before it ends the request (`--audit-log-mode=blocking`), at the level `Metadata`, and
//! only at the stage `ResponseComplete`: a watch appears when it ends.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The policy file for the server.
pub(super) const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
";

/// A moment in the audit log.
#[derive(Debug, Clone)]
pub struct Mark {
    pub(super) offset: u64,
}

/// One finished request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRequest {
    /// As the client sent it.
    pub user_agent: String,
    /// The authenticated user: `admin`, `system:serviceaccount:ns:name`, ...
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch` (server-side apply too), `delete`, `deletecollection`.
    pub verb: String,
    /// The API group, empty for the core group and for requests without a resource.
    pub group: String,
    /// Plural and lower case: `deployments`; empty for `/version`, discovery and the like.
    pub resource: String,
    /// `status`, `scale`, `token`; mostly empty.
    pub subresource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Empty for lists and watches.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
    /// Path and query.
    pub uri: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    user_agent: String,
    object_ref: Option<ObjectRef>,
    response_status: Option<Status>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
}

/// The finished requests after `offset`, oldest first, and where the last whole line ends.
pub(super) fn read(log: &Path, offset: u64) -> Result<(Vec<AuditRequest>, u64)> {
    let mut file = File::open(log).with_context(|| format!("cannot open the audit log {}", log.display()))?;
    file.seek(SeekFrom::Start(offset))
        .context("cannot seek in the audit log")?;
    let mut text = String::new();
    file.read_to_string(&mut text).context("cannot read the audit log")?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut requests = Vec::new();
    for line in text.get(..whole).unwrap_or_default().lines() {
        let entry: Entry = serde_json::from_str(line).with_context(|| format!("unreadable audit entry: {line}"))?;
        if entry.stage == "ResponseComplete" {
            requests.push(entry.into());
        }
    }
    Ok((requests, offset + u64::try_from(whole)?))
}

impl From<Entry> for AuditRequest {
    fn from(entry: Entry) -> AuditRequest {
        let object = entry.object_ref.unwrap_or_default();
        AuditRequest {
            user_agent: entry.user_agent,
            user: entry.user.username,
            verb: entry.verb,
            group: object.api_group,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            code: entry.response_status.unwrap_or_default().code,
            uri: entry.request_uri,
        }
    }
}
