use crate::cli::failure::Failure;
use crate::http::Client;
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The part of `/v1/status` that is shown. The agent may be of another version: absent keys are taken as unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) fields: Vec<Field>,
    pub(in crate::cli) problems: Vec<String>,
    pub(in crate::cli) repo: Repo,
    pub(in crate::cli) targets: BTreeMap<String, Target>,
    pub(in crate::cli) key: Key,
}

impl Answer {
    /// Asks the running agent. Returns the part that is shown, and the answer as it is.
    pub(in crate::cli) async fn ask(client: &Client) -> Result<(Self, Value), Failure> {
        let json = client.status().await.map_err(anyhow::Error::from)?;
        let answer = Self::deserialize(&json)
            .context("the agent's status has another form; use the tidegate program of the agent's version")?;
        Ok((answer, json))
    }
}

/// The first digits of a commit.
pub(in crate::cli) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Object {
    pub(in crate::cli) kind: String,
    pub(in crate::cli) namespace: Option<String>,
    pub(in crate::cli) name: String,
}

/// `Deployment shop/web`.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Field {
    pub(in crate::cli) object: Object,
    pub(in crate::cli) field: String,
    pub(in crate::cli) current: Option<String>,
    pub(in crate::cli) newest: Option<String>,
    pub(in crate::cli) outcome: String,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) hold: Option<Hold>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Hold {
    pub(in crate::cli) rejected: Vec<Rejected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Rejected {
    pub(in crate::cli) tag: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Repo {
    pub(in crate::cli) address: Option<String>,
    pub(in crate::cli) branch: Option<String>,
    pub(in crate::cli) head: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cli) struct Target {
    pub(in crate::cli) commit: Option<String>,
    pub(in crate::cli) in_sync: bool,
    pub(in crate::cli) health: Option<String>,
    pub(in crate::cli) problems: Vec<String>,
    pub(in crate::cli) unready: Vec<Unready>,
    pub(in crate::cli) objects: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Unready {
    pub(in crate::cli) object: Object,
    pub(in crate::cli) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cli) struct Key {
    pub(in crate::cli) may_read: Option<bool>,
    pub(in crate::cli) may_write: Option<bool>,
}
