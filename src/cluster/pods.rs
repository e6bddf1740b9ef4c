//! Why the pods of a workload are not ready. Asked only about a workload that is not.

use super::connection::Connection;
use crate::port::ClusterFailure;
use crate::resource::PodFault;
use kube::api::ListParams;
use kube::core::Request;
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// A page of pods takes some hundred kilobytes for a moment.
const PAGE: u32 = 50;
/// How many pods are read at most. Most faults concern all pods of a workload.
const PAGES: usize = 4;
/// More pods with a fault say nothing new.
const ENOUGH: usize = 5;

/// The faults of a workload's pods, some of many. `owner`: the workload's UID.
pub(super) async fn pod_faults(
    connection: &Connection,
    namespace: &str,
    selector: &str,
    owner: &str,
) -> Result<Vec<PodFault>, ClusterFailure> {
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let mut faults = Vec::new();
    for _ in 0..PAGES {
        let page = list(connection, &pods, &params).await?;
        faults.extend(items(&page).filter_map(PodFault::of));
        let next = page.pointer("/metadata/continue").and_then(Value::as_str);
        match next.filter(|next| !next.is_empty() && faults.len() < ENOUGH) {
            Some(next) => params = params.continue_token(next),
            None => break,
        }
    }
    faults.sort_by_key(|fault| fault.kind);
    faults.truncate(ENOUGH);
    if faults.is_empty() {
        faults.extend(not_created(connection, namespace, owner).await);
    }
    Ok(faults)
}

/// What the controller last reported about pods that it could not create. An account may lack the right to read events.
async fn not_created(connection: &Connection, namespace: &str, owner: &str) -> Option<PodFault> {
    let selector = format!("involvedObject.uid={owner},reason=FailedCreate");
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
