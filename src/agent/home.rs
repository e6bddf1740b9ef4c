//! The cluster that the agent runs in: its Secrets, its events, and the targets in it.

use super::AgentConfig;
use crate::cluster::{Access, ApiServer, Connection, HelmReleases, InputStore, RecordEvents, RecordMap, SecretStore};
use crate::config::TargetSettings;
use crate::port::{InputObjects, MARK_PARTS};
use crate::resource::{Protected, SetName};
use crate::sync::Target;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The cluster that the agent runs in. Clones share one connection.
#[derive(Clone)]
pub(super) struct Home {
    connection: Arc<Connection>,
    namespace: String,
}

impl Home {
    /// Sends nothing yet.
    pub(super) async fn connect(config: &AgentConfig) -> anyhow::Result<Self> {
        let access = match &config.environment.kubeconfig {
            Some(path) => Access::Kubeconfig {
                path: path.clone(),
                context: None,
            },
            None => Access::InCluster,
        };
        let connection = Arc::new(Connection::open(&access).await?);
        let namespace = config.environment.namespace.clone();
        Ok(Self {
            namespace: namespace.unwrap_or_else(|| connection.namespace().to_owned()),
            connection,
        })
    }

    /// The Secrets of this cluster.
    pub(super) fn secrets(&self) -> SecretStore {
        SecretStore::new(Arc::clone(&self.connection), self.namespace.clone())
    }

    /// The ConfigMaps and Secrets of this cluster that readings depend on.
    pub(super) fn inputs(&self) -> Arc<dyn InputObjects> {
        Arc::new(InputStore::new(Arc::clone(&self.connection), self.namespace.clone()))
    }

    /// Writes events about the record of a target.
    pub(super) fn events(&self, target: &TargetSettings) -> RecordEvents {
        RecordEvents::new(Arc::clone(&self.connection), self.record(target))
    }

    /// A target in this cluster, with its record in the agent's namespace.
    pub(super) fn target(&self, target: &TargetSettings) -> Target<ApiServer, RecordMap> {
        let record = self.record(target);
        let api = ApiServer::new(Arc::clone(&self.connection), &record.id());
        let api = api
            .in_namespaces(&target.namespaces)
            .defaulting_to(target.namespace.as_deref());
        Target {
            id: target.id.clone(),
            api: Arc::new(api),
            protected: Protected {
                namespaces: BTreeSet::from([self.namespace.clone()]),
                objects: (0..MARK_PARTS)
                    .map(|part| record.marks(part))
                    .chain([record.object()])
                    .collect(),
            },
            record: Arc::new(RecordMap::new(Arc::clone(&self.connection), record)),
        }
    }

    /// The HelmReleases of a target in this cluster.
    pub(super) fn releases(&self, target: &TargetSettings) -> HelmReleases {
        HelmReleases::new(
            Arc::clone(&self.connection),
            &self.record(target).id(),
            &target.namespaces,
        )
    }

    fn record(&self, target: &TargetSettings) -> SetName {
        SetName {
            namespace: self.namespace.clone(),
            name: target.set.clone(),
        }
    }
}
