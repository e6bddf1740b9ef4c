//! The label of the pod that leads.

use super::connection::Connection;
use crate::port::ClusterFailure;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);
/// By this label, the Service of the chart finds the pod.
const LABEL: &str = "tidegate.dev/leader";

/// Says on the pod of this process whether it leads.
#[derive(Clone)]
pub struct LeaderMark {
    connection: Arc<Connection>,
    namespace: String,
    pod: Option<String>,
}

impl LeaderMark {
    /// `pod`: the pod of this process, if it runs in one. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, namespace: String, pod: Option<String>) -> Self {
        Self {
            connection,
            namespace,
            pod,
        }
    }

    /// Sets or removes the mark. Without a pod, does nothing.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn set(&self, leads: bool) -> Result<(), ClusterFailure> {
        let Some(pod) = &self.pod else { return Ok(()) };
        let api: Api<Pod> = Api::namespaced(self.connection.client.clone(), &self.namespace);
        let value = leads.then_some("true");
        let patch = Patch::Merge(json!({"metadata": {"labels": {LABEL: value}}}));
        let params = PatchParams::default();
        let patched = api.patch_metadata(pod, &params, &patch);
        self.connection.within(DEADLINE, patched).await.map(drop)
    }
}
