//! The cluster that the agent runs in: its Secrets, its events, and the targets in it.

use super::AgentConfig;
use crate::aws::{EksCluster, Sdk};
use crate::cluster::{
    Access, AnnouncedMap, ApiServer, Connection, Copies, HelmReleases, InputStore, LeaderMark, LeaseStore, PullSecrets,
    RecordEvents, RecordMap, RemoteAccess, SecretStore, Sources,
};
use crate::config::{TargetAccess, TargetSettings};
use crate::port::{InputObjects, MARK_PARTS};
use crate::resource::{Protected, SetName};
use crate::spread::MirrorRule;
use crate::sync::Target;
use anyhow::Context as _;
use std::sync::Arc;

/// The cluster that the agent runs in. Clones share one connection.
#[derive(Clone)]
pub(super) struct Home {
    access: Access,
    connection: Arc<Connection>,
    namespace: String,
    aws: Sdk,
}

impl Home {
    /// Sends nothing yet.
    pub(super) async fn connect(config: &AgentConfig, aws: &Sdk) -> anyhow::Result<Self> {
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
            access,
            connection,
            aws: aws.clone(),
        })
    }

    /// The Secrets of this cluster.
    pub(super) fn secrets(&self) -> SecretStore {
        SecretStore::new(Arc::clone(&self.connection), self.namespace.clone())
    }

    /// The Lease of this name, by which replicas agree who works.
    pub(super) fn lease(&self, name: &str) -> LeaseStore {
        LeaseStore::new(Arc::clone(&self.connection), self.namespace.clone(), name.to_owned())
    }

    /// The mark of this pod, if it leads.
    pub(super) fn leader_mark(&self, pod: Option<String>) -> LeaderMark {
        LeaderMark::new(Arc::clone(&self.connection), self.namespace.clone(), pod)
    }

    /// The ConfigMaps and Secrets of this cluster that readings depend on.
    pub(super) fn inputs(&self) -> Arc<dyn InputObjects> {
        Arc::new(InputStore::new(Arc::clone(&self.connection), self.namespace.clone()))
    }

    /// Writes events about the record of a target.
    pub(super) fn events(&self, target: &TargetSettings) -> RecordEvents {
        RecordEvents::new(Arc::clone(&self.connection), self.record(target))
    }

    /// What notifications announced, beside the record of a target.
    pub(super) fn announced(&self, target: &TargetSettings) -> AnnouncedMap {
        let record = self.record(target);
        let name = SetName {
            name: format!("{}-announced", record.name),
            ..record
        };
        AnnouncedMap::new(Arc::clone(&self.connection), name)
    }

    /// Connects to a target. Sends nothing yet, to no cluster.
    ///
    /// # Errors
    /// The agent's own credentials or certificates cannot be used, or the settings name no region.
    pub(super) async fn connect_to(&self, target: &TargetSettings) -> anyhow::Result<Arc<Connection>> {
        let access = match &target.access {
            TargetAccess::Home if target.account.is_none() => return Ok(Arc::clone(&self.connection)),
            TargetAccess::Home => {
                let connection = Connection::open_as(&self.access, target.account.as_ref()).await?;
                return Ok(Arc::new(connection));
            }
            TargetAccess::Kubeconfig { secret, entry, context } => RemoteAccess::Kubeconfig {
                secrets: self.secrets(),
                secret: secret.clone(),
                entry: entry.clone(),
                context: context.clone(),
            },
            TargetAccess::Eks {
                cluster,
                region,
                identity,
                address,
            } => RemoteAccess::Eks {
                cluster: EksCluster::new(cluster, region, identity.clone(), self.aws.clone())
                    .map(Box::new)
                    .with_context(|| format!("target {}: {region:?} is not a region", target.id))?,
                address: address.clone(),
            },
        };
        let account = target.account.clone();
        Ok(Arc::new(Connection::to_target(target.id.as_str(), access, account)))
    }

    /// A target, with its record in the agent's namespace of this cluster.
    ///
    /// # Errors
    /// As [`Home::connect_to`].
    pub(super) async fn target(&self, target: &TargetSettings) -> anyhow::Result<Target<ApiServer, RecordMap>> {
        let record = self.record(target);
        let api = ApiServer::new(self.connect_to(target).await?, &record.id());
        let api = api
            .in_namespaces(&target.namespaces)
            .defaulting_to(target.namespace.as_deref());
        // In another cluster the agent has no namespace, and its record is not there.
        let own = target.is_home();
        let records = (0..MARK_PARTS).map(|part| record.marks(part)).chain([record.object()]);
        Ok(Target {
            id: target.id.clone(),
            api: Arc::new(api),
            protected: Protected {
                namespaces: own.then(|| self.namespace.clone()).into_iter().collect(),
                objects: records.filter(|_| own).collect(),
                fence: target.fence.clone(),
            },
            record: self.record_of(target),
        })
    }

    /// The HelmReleases of a target in this cluster.
    pub(super) fn releases(&self, target: &TargetSettings) -> HelmReleases {
        HelmReleases::new(
            Arc::clone(&self.connection),
            &self.record(target).id(),
            &target.namespaces,
        )
    }

    /// The record of a target.
    pub(super) fn record_of(&self, target: &TargetSettings) -> Arc<RecordMap> {
        Arc::new(RecordMap::new(Arc::clone(&self.connection), self.record(target)))
    }

    /// The objects of this cluster that are mirrored, and the set that the agent's marks name. `target`: this cluster.
    pub(super) fn mirrored(&self, target: &TargetSettings, rules: &[MirrorRule]) -> (Sources, String) {
        let set = self.record(target).id().to_string();
        let connection = Arc::clone(&self.connection);
        (Sources::new(connection, set.clone(), &target.namespaces, rules), set)
    }

    /// The copies in the cluster of a target.
    ///
    /// # Errors
    /// As [`Home::connect_to`].
    pub(super) async fn copies(&self, target: &TargetSettings) -> anyhow::Result<Copies> {
        let connection = match target.is_home() {
            true => Arc::clone(&self.connection),
            false => self.connect_to(target).await?,
        };
        Ok(Copies::new(connection, &target.namespaces))
    }

    /// The pull secrets of a target in this cluster.
    pub(super) fn pull_secrets(&self, target: &TargetSettings) -> PullSecrets {
        let set = self.record(target).id().to_string();
        PullSecrets::new(Arc::clone(&self.connection), set, &target.namespaces)
    }

    fn record(&self, target: &TargetSettings) -> SetName {
        SetName {
            namespace: self.namespace.clone(),
            name: target.set.clone(),
        }
    }
}
