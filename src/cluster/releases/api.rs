use super::object_watches::{Around, ObjectWatches};
use super::reduce::{api_resource, finalizers, release, revision_name, stored};
use super::sources::Sources;
use super::store::List;
use super::watch::{self, secrets};
use crate::cluster::connection::Connection;
use crate::cluster::resource_path::api;
use crate::cluster::server_text::reduced_for_secret;
use crate::driver::blocking;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, HelmRelease, ReleaseCluster, ReleaseView};
use crate::release::{ReleaseName, Revision, RevisionStatus, SourceKey, Status, is_release_secret, mark_failed};
use crate::resource::{PART_OF_LABEL, SetId};
use futures::TryFutureExt as _;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(15);
/// The field manager of the status and the finalizer. What sync applies has another one.
const MANAGER: &str = "tidegate-releases";
/// More revisions of one release are not read: Helm keeps ten unless it is asked for more.
const MOST_REVISIONS: u32 = 500;
/// Shown by `helm history`.
const CUT_OFF: &str = "Cut off, and marked as failed by Tidegate";

/// The HelmReleases of a target in one API server.
pub struct HelmReleases {
    pub(super) around: Around,
    pub(super) object_watches: ObjectWatches,
    selector: String,
    sources: Sources,
    watches: Mutex<Vec<JoinHandle<()>>>,
}

impl HelmReleases {
    /// The HelmReleases with the label of `set`, in these namespaces; empty: the whole cluster. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, set: &SetId, namespaces: &[String]) -> Self {
        Self {
            around: Around {
                connection,
                discovery: Arc::default(),
                store: Arc::default(),
                namespaces: namespaces.into(),
            },
            object_watches: ObjectWatches::default(),
            selector: format!("{PART_OF_LABEL}={set}"),
            sources: Sources::default(),
            watches: Mutex::default(),
        }
    }

    fn api(&self, id: &ObjectId) -> Api<DynamicObject> {
        api(
            self.around.connection.client.clone(),
            id.namespace.as_deref(),
            &api_resource(),
        )
    }

    pub(super) fn secrets(&self, release: &ReleaseName) -> Api<Secret> {
        Api::namespaced(self.around.connection.client.clone(), &release.namespace)
    }
}

impl ReleaseCluster for HelmReleases {
    fn start(&self) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if !watches.is_empty() {
            return;
        }
        let namespaces: Vec<Option<String>> = match self.around.namespaces.is_empty() {
            true => vec![None],
            false => self.around.namespaces.iter().cloned().map(Some).collect(),
        };
        // All are awaited before the first is complete.
        for namespace in &namespaces {
            self.around.store.expect(&List::Releases(namespace.clone()));
            self.around.store.expect(&List::Storage(namespace.clone()));
        }
        for namespace in namespaces {
            let (connection, store) = (Arc::clone(&self.around.connection), Arc::clone(&self.around.store));
            let storage = watch::storage(Arc::clone(&connection), Arc::clone(&store), namespace.clone());
            watches.push(tokio::spawn(storage));
            let releases = watch::releases(connection, store, namespace, self.selector.clone());
            watches.push(tokio::spawn(releases));
        }
    }

    fn view(&self) -> ReleaseView {
        self.around.store.view()
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.around.store.changes()
    }

    fn follow(&self, sources: BTreeSet<SourceKey>) {
        self.sources.keep(sources, &self.around.connection, &self.around.store);
    }

    async fn read(&self, id: &ObjectId) -> Result<Option<HelmRelease>, ClusterFailure> {
        let api = self.api(id);
        let found = self.around.connection.within(DEADLINE, api.get_opt(&id.name)).await?;
        Ok(found.map(release))
    }

    async fn set_status(&self, release: &HelmRelease, status: &Status) -> Result<(), ClusterFailure> {
        let resource = api_resource();
        let body = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": release.id.name, "namespace": release.id.namespace, "uid": release.uid},
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        let (api, patch) = (self.api(&release.id), Patch::Apply(body));
        let written = api.patch_status(&release.id.name, &params, &patch);
        match self.around.connection.within(DEADLINE, written).await {
            // The HelmRelease is gone, or another one has its name.
            Err(ClusterFailure::Refused { .. } | ClusterFailure::Conflict { .. })
                if self.read(&release.id).await?.is_none_or(|live| live.uid != release.uid) =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    async fn set_finalizer(&self, release: &HelmRelease, present: bool) -> Result<(), ClusterFailure> {
        let body = json!({"metadata": {
            "uid": release.uid,
            "resourceVersion": release.version.as_str(),
            "finalizers": finalizers(release, present),
        }});
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let (api, patch) = (self.api(&release.id), Patch::Merge(body));
        let written = api.patch(&release.id.name, &params, &patch);
        self.around.connection.within(DEADLINE, written).await.map(drop)
    }

    async fn mark_failed(&self, release: &ReleaseName, revision: u32) -> Result<(), ClusterFailure> {
        let api = self.secrets(release);
        let name = revision_name(release, revision);
        let Some(mut secret) = self.around.connection.within(DEADLINE, api.get_opt(&name)).await? else {
            return Ok(());
        };
        let refused = |message: String| ClusterFailure::Refused { message };
        if !is_release_secret(secret.type_.as_deref().unwrap_or_default()) {
            return Err(refused(format!(
                "Secret {release} of revision {revision} is not Helm's"
            )));
        }
        let labels = secret.metadata.labels.get_or_insert_default();
        let status = labels.get("status").map(|status| RevisionStatus::parse(status));
        if !status.is_some_and(RevisionStatus::is_pending) {
            return Ok(());
        }
        labels.insert("status".to_owned(), RevisionStatus::Failed.as_str().to_owned());
        labels.insert("modifiedAt".to_owned(), Timestamp::now().as_second().to_string());
        let data = secret.data.get_or_insert_default();
        let text = data.remove("release").unwrap_or_default();
        let failed = blocking(move || mark_failed(&text.0, CUT_OFF)).await;
        let failed = failed.map_err(|error| refused(error.to_string()))?;
        let failed = failed.map_err(|error| refused(error.to_string()))?;
        data.insert("release".to_owned(), ByteString(failed));
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        // A revision holds the values of its release, which an answer may quote.
        let written = api.replace(&name, &params, &secret).map_err(reduced_for_secret);
        self.around.connection.within(DEADLINE, written).await.map(drop)
    }

    async fn stored(&self, release: &ReleaseName) -> Result<Vec<Revision>, ClusterFailure> {
        let api: Api<PartialObjectMeta<DynamicObject>> = api(
            self.around.connection.client.clone(),
            Some(&release.namespace),
            &secrets(),
        );
        let params = ListParams::default()
            .labels(&format!("owner=helm,name={}", release.name))
            .limit(MOST_REVISIONS);
        let found = self.around.connection.within(DEADLINE, api.list(&params)).await?;
        let found = found.items.iter().filter_map(|object| stored(&object.metadata));
        let mut revisions: Vec<Revision> = found.map(|(_, revision)| revision).collect();
        revisions.sort_by_key(|revision| revision.number);
        Ok(revisions)
    }
}

impl Drop for HelmReleases {
    fn drop(&mut self) {
        let watches = self.watches.get_mut().unwrap_or_else(PoisonError::into_inner);
        watches.iter().for_each(JoinHandle::abort);
    }
}
