use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of `/v1/status` that is shown. The agent may be of another version: absent keys are taken as unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) fields: Vec<Field>,
    pub(super) findings: Vec<Finding>,
    pub(super) problem: Option<String>,
    pub(super) repo: Repo,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) scan: BTreeMap<String, Scan>,
    pub(super) key: Key,
    pub(super) loops: BTreeMap<String, Loop>,
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) position: Option<Position>,
    pub(super) severity: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Repo {
    pub(super) address: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) head: Option<String>,
    pub(super) unverified: Option<String>,
    pub(super) problem: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) commit: Option<String>,
    pub(super) complete: bool,
    pub(super) in_sync: bool,
    pub(super) objects: usize,
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scan {
    pub(super) supported: Option<bool>,
    pub(super) problem: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) may_read: Option<bool>,
    pub(super) may_write: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Loop {
    pub(super) outcome: Option<String>,
}
