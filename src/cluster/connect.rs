use super::{discovery, watches};
use crate::model::ObjectId;
use crate::port::{
    Applied, Cluster, ClusterFailure, Deletion, Freshness, Happening, Kinds, Mode, ObservedStore, Record,
};
use crate::resource::{GroupKind, KindVersion, ObservedObject, ServedKind, SetName};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A server that does not take a connection in this time is away; in-cluster and loopback answer in milliseconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Which cluster, and where in it the agent keeps its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A kubeconfig file; `None`: the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None`: its current one.
    pub context: Option<String>,
    /// The agent's own namespace; `None`: the pod's, or the context's.
    pub namespace: Option<String>,
    /// The name of the target's record.
    pub record: String,
}

/// Why there is no client. Nothing has been sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {path}: cannot be used; check the path, its current-context and that the files it names exist")]
    Kubeconfig {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// Not in a pod.
    #[error(
        "no kubeconfig is named and this is no pod with a service account; set KUBECONFIG to a kubeconfig's path, or \
         give the pod a service account whose token is mounted"
    )]
    InCluster {
        /// Why.
        #[source]
        source: Box<kube::config::InClusterError>,
    },
    /// The credentials or certificates in it cannot be used.
    #[error("the cluster's certificates or credentials cannot be used")]
    Client {
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}

/// One API server, for one set.
pub struct ApiServer {
    pub(super) client: Client,
    pub(super) set: SetName,
    pub(super) url: String,
    pub(super) requests: AtomicU64,
    pub(super) table: Arc<discovery::Table>,
    default_namespace: String,
    observed: Arc<ObservedStore>,
    watches: watches::Watches,
}

impl ApiServer {
    /// Makes the client; sends nothing yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the kubeconfig or the pod's service account cannot be used.
    pub async fn connect(access: Access) -> Result<Self, ConnectError> {
        let mut config = match &access.kubeconfig {
            Some(path) => {
                let wrong = |source| ConnectError::Kubeconfig {
                    path: path.clone(),
                    source: Box::new(source),
                };
                let file = Kubeconfig::read_from(path).map_err(wrong)?;
                let options = KubeConfigOptions {
                    context: access.context.clone(),
                    ..KubeConfigOptions::default()
                };
                Config::from_custom_kubeconfig(file, &options).await.map_err(wrong)?
            }
            None => Config::incluster().map_err(|source| ConnectError::InCluster {
                source: Box::new(source),
            })?,
        };
        config.connect_timeout = Some(CONNECT_DEADLINE);
        let agent = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
        config.headers.push((
            "user-agent".parse().expect("a header name in lower case"),
            agent.parse().expect("a version is printable ASCII"),
        ));
        let own_namespace = access.namespace.unwrap_or_else(|| config.default_namespace.clone());
        let default_namespace = match access.kubeconfig {
            Some(_) => config.default_namespace.clone(),
            None => "default".to_owned(),
        };
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|source| ConnectError::Client {
            source: Box::new(source),
        })?;
        let set = SetName {
            namespace: own_namespace,
            name: access.record,
        };
        let table = Arc::new(discovery::Table::default());
        Ok(Self {
            watches: watches::Watches::new(client.clone(), url.clone(), set.id(), table.clone()),
            client,
            set,
            url,
            requests: AtomicU64::new(0),
            table,
            default_namespace,
            observed: Arc::default(),
        })
    }

    /// The server's address, for messages.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The namespace that the agent lives in.
    pub fn own_namespace(&self) -> &str {
        &self.set.namespace
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

impl Cluster for ApiServer {
    fn set(&self) -> &SetName {
        &self.set
    }

    fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    async fn kinds(&self, wanted: &BTreeSet<KindVersion>, freshness: Freshness) -> Result<Kinds, ClusterFailure> {
        self.look_up(wanted, freshness).await
    }

    async fn apply(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        mode: Mode,
    ) -> Result<Applied, ClusterFailure> {
        self.apply_object(kind, id, body, mode).await
    }

    async fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
    ) -> Result<Deletion, ClusterFailure> {
        self.delete_object(kind, id, seen).await
    }

    fn watch(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds) {
        self.watches.keep(kinds, served, &self.observed);
    }

    fn observed(&self) -> &ObservedStore {
        &self.observed
    }

    async fn read_record(&self) -> Result<Option<Record>, ClusterFailure> {
        self.load_record().await
    }

    async fn write_record(&self, record: &Record) -> Result<(), ClusterFailure> {
        self.store_record(record).await
    }

    async fn emit(&self, happening: &Happening) -> Result<(), ClusterFailure> {
        self.publish(happening).await
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}
