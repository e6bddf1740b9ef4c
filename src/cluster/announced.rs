use super::config_map::{read_config_map, write_config_map};
use super::connection::Connection;
use crate::port::{AnnouncedStore, ClusterFailure};
use crate::resource::SetName;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keeps what was announced in a ConfigMap, an entry for each rule.
pub struct AnnouncedMap {
    connection: Arc<Connection>,
    name: SetName,
}

impl AnnouncedMap {
    /// The ConfigMap of this name on this server. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, name: SetName) -> Self {
        Self { connection, name }
    }

    async fn read(&self) -> Result<BTreeMap<String, String>, ClusterFailure> {
        let found = read_config_map(&self.connection, &self.name.namespace, &self.name.name).await?;
        Ok(found.and_then(|found| found.data).unwrap_or_default())
    }

    async fn write(&self, texts: BTreeMap<String, String>) -> Result<(), ClusterFailure> {
        let body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name.name,
                "namespace": self.name.namespace,
                "labels": {"app.kubernetes.io/managed-by": "tidegate"},
            },
            "data": texts,
        });
        let written = write_config_map(&self.connection, &self.name.namespace, &self.name.name, &body).await;
        written.map(drop)
    }
}

impl AnnouncedStore for AnnouncedMap {
    fn load(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, ClusterFailure>> {
        self.read().boxed()
    }

    fn save(&self, texts: BTreeMap<String, String>) -> BoxFuture<'_, Result<(), ClusterFailure>> {
        self.write(texts).boxed()
    }
}
