//! Tables of states, and what is decided; each file is about one noun.

mod action;
mod digest;
mod failure_text;
mod revision;
mod spec;
mod status;

use super::*;
use crate::model::{BlobId, BranchName, ConfigBranch, Remote};
use jiff::Timestamp;
use serde_json::{Value, json};

fn release(spec: Value) -> Value {
    json!({"apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}

fn own() -> ConfigBranch {
    ConfigBranch {
        remote: Remote::parse("ssh://git@github.com/acme/fleet.git"),
        branch: BranchName::parse("main").unwrap(),
    }
}

fn read(spec: Value) -> Result<Spec, Refusal> {
    Spec::read(&release(spec), Some(&own()))
}

fn spec(more: Value) -> Spec {
    let mut spec = json!({"chart": {"path": "charts/web"}});
    let (map, more) = (spec.as_object_mut().unwrap(), more.as_object().unwrap().clone());
    map.extend(more);
    read(spec).unwrap()
}

fn digest(name: &str) -> InputDigest {
    let chart = ChartDigest::of([("Chart.yaml", &BlobId::from_bytes([1; 20]))]);
    InputDigest::of(&chart, [name.as_bytes()], &json!({}))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}
