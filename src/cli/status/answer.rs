use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of `/v1/status` that is shown. The agent may be of another version: absent keys are taken as unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) fields: Vec<Field>,
    pub(super) problems: Vec<String>,
    pub(super) repo: Repo,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) key: Key,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Field {
    pub(super) object: Object,
    pub(super) field: String,
    pub(super) current: Option<String>,
    pub(super) newest: Option<String>,
    pub(super) outcome: String,
    pub(super) reason: String,
    pub(super) hold: Option<Hold>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hold {
    pub(super) rejected: Vec<Rejected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rejected {
    pub(super) tag: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Repo {
    pub(super) address: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) head: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) commit: Option<String>,
    pub(super) in_sync: bool,
    pub(super) health: Option<String>,
    pub(super) unready: Vec<Unready>,
    pub(super) objects: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Unready {
    pub(super) object: Object,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) may_read: Option<bool>,
    pub(super) may_write: Option<bool>,
}
