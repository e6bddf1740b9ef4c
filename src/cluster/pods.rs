//! Why the pods of a workload are not ready. Asked only about a workload that is not.

use super::connection::Connection;
use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::resource::{PodFault, REVISION};
use kube::api::ListParams;
use kube::core::Request;
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// A page of pods takes some hundred kilobytes for a moment.
const PAGE: u32 = 50;
/// How many pods are read at most. Most faults concern all pods of a workload.
const PAGES: usize = 4;
/// How many revisions are read at most: a workload keeps ten, if nobody asks for more.
const REVISIONS: u32 = 50;
/// More pods with a fault say nothing new.
const ENOUGH: usize = 5;

/// The faults of a workload's pods, some of many: first those of its newest revision. `uid`: the workload's UID.
pub(super) async fn pod_faults(
    connection: &Connection,
    workload: &ObjectId,
    selector: &str,
    uid: &str,
) -> Result<Vec<PodFault>, ClusterFailure> {
    let Some(namespace) = &workload.namespace else {
        return Ok(Vec::new());
    };
    let revisions = Revisions::of(workload);
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let mut faults: Vec<(PodFault, String)> = Vec::new();
    for _ in 0..PAGES {
        let page = list(connection, &pods, &params).await?;
        let label = |pod: &Value| {
            revisions
                .map_or("", |revisions| text(pod, "labels", revisions.label))
                .to_owned()
        };
        faults.extend(items(&page).filter_map(|pod| Some((PodFault::of(pod)?, label(pod)))));
        let next = page.pointer("/metadata/continue").and_then(Value::as_str);
        match next.filter(|next| !next.is_empty() && faults.len() < ENOUGH) {
            Some(next) => params = params.continue_token(next),
            None => break,
        }
    }
    let newest = match revisions.filter(|_| !faults.is_empty()) {
        Some(revisions) => revisions.newest(connection, (namespace, selector), uid).await,
        None => None,
    };
    let mut faults: Vec<PodFault> = faults
        .into_iter()
        .map(|(fault, label)| PodFault {
            is_former: newest.as_ref().is_some_and(|newest| *newest != label),
            ..fault
        })
        .collect();
    faults.sort_by_key(|fault| (fault.is_former, fault.kind));
    faults.truncate(ENOUGH);
    if faults.iter().all(|fault| fault.is_former) {
        faults.splice(..0, not_created(connection, namespace, uid).await);
    }
    Ok(faults)
}

/// Where a workload's controller notes its revisions, and how its pods name theirs.
#[derive(Clone, Copy)]
struct Revisions {
    /// The objects, one for each revision.
    resource: &'static str,
    /// The revision's number; of those of one workload, the greatest is the newest.
    number: fn(&Value) -> Option<i64>,
    /// The label of the pods, with the revision's hash or name.
    label: &'static str,
}

impl Revisions {
    /// `None`: the pods of such a workload have no revision.
    fn of(workload: &ObjectId) -> Option<Self> {
        Some(match (workload.group.as_str(), workload.kind.as_str()) {
            ("apps", "Deployment") => Self {
                resource: "replicasets",
                number: |revision| text(revision, "annotations", REVISION).parse().ok(),
                label: "pod-template-hash",
            },
            ("argoproj.io", "Rollout") => Self {
                resource: "replicasets",
                number: |revision| {
                    text(revision, "annotations", "rollout.argoproj.io/revision")
                        .parse()
                        .ok()
                },
                label: "rollouts-pod-template-hash",
            },
            ("apps", "StatefulSet" | "DaemonSet") => Self {
                resource: "controllerrevisions",
                number: |revision| revision.get("revision").and_then(Value::as_i64),
                label: "controller-revision-hash",
            },
            _ => return None,
        })
    }

    /// What the pods of the newest revision have in their label. `None`: it is not known; an account may lack the right to read it.
    async fn newest(self, connection: &Connection, (namespace, selector): (&str, &str), uid: &str) -> Option<String> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{}", self.resource);
        // Revisions have the labels of their pods.
        let params = ListParams::default().labels(selector).limit(REVISIONS);
        let page = list(connection, &path, &params).await.ok()?;
        let is_own = |revision: &&Value| {
            let owners = revision.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners
                .into_iter()
                .flatten()
                .any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid))
        };
        let newest = items(&page)
            .filter(is_own)
            .max_by_key(|revision| (self.number)(revision))?;
        let label = match text(newest, "labels", self.label) {
            // The pods of a StatefulSet name the revision itself.
            "" => newest.pointer("/metadata/name").and_then(Value::as_str)?,
            label => label,
        };
        Some(label.to_owned())
    }
}

/// A label or an annotation; empty if absent.
fn text<'a>(object: &'a Value, part: &str, key: &str) -> &'a str {
    let part = object.get("metadata").and_then(|metadata| metadata.get(part));
    part.and_then(|part| part.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What the controller last reported about pods that it could not create. An account may lack the right to read events.
async fn not_created(connection: &Connection, namespace: &str, uid: &str) -> Option<PodFault> {
    let selector = format!("involvedObject.uid={uid},reason=FailedCreate");
    let params = ListParams::default().fields(&selector).limit(PAGE);
    let events = list(connection, &format!("/api/v1/namespaces/{namespace}/events"), &params).await;
    let events = events.ok()?;
    let text = |event: &Value, key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let last = items(&events).max_by_key(|event| text(event, "lastTimestamp"))?;
    Some(PodFault::not_created(&text(last, "message")))
}

fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page.get("items").and_then(Value::as_array).into_iter().flatten()
}

async fn list(connection: &Connection, path: &str, params: &ListParams) -> Result<Value, ClusterFailure> {
    let request = async {
        let request = Request::new(path).list(params).map_err(kube::Error::BuildRequest)?;
        connection.client.request::<Value>(request).await
    };
    connection.within(DEADLINE, request).await
}
