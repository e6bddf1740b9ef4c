use super::reduce::{ACCOUNT_ANNOTATION, MANAGER, secret};
use super::store::{List, Store};
use super::watch;
use crate::cluster::connection::Connection;
use crate::cluster::failure::if_found;
use crate::cluster::server_text::reduced_for_secret;
use crate::port::{AccountFacts, ClusterFailure, PullSecretCluster, PullSecretView, SecretName};
use crate::spread::{LiveSecret, PULL_SECRET_LABEL, SecretForm, SecretPatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryFutureExt as _;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(15);

/// The pull secrets of a cluster.
pub struct PullSecrets {
    connection: Arc<Connection>,
    set: String,
    namespaces: Vec<String>,
    store: Arc<Store>,
    watches: Mutex<Watching>,
}

#[derive(Default)]
struct Watching {
    tasks: Vec<JoinHandle<()>>,
    with_accounts: bool,
}

impl PullSecrets {
    /// The pull secrets of the agent with this set, in these namespaces; empty: in the whole cluster. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, set: String, namespaces: &[String]) -> Self {
        Self {
            connection,
            set,
            namespaces: namespaces.to_vec(),
            store: Arc::new(Store::with_namespaces(namespaces)),
            watches: Mutex::default(),
        }
    }

    fn secrets(&self, name: &SecretName) -> Api<Secret> {
        Api::namespaced(self.connection.client.clone(), &name.namespace)
    }

    /// The namespaces that are listed one by one; `None` for the whole cluster.
    fn scopes(&self) -> Vec<Option<String>> {
        match self.namespaces.is_empty() {
            true => vec![None],
            false => self.namespaces.iter().cloned().map(Some).collect(),
        }
    }

    /// What a write has made is known before the watch shows it.
    fn note(&self, written: Secret) {
        let has_label = written.metadata.labels.iter().flatten();
        let is_own = has_label
            .into_iter()
            .any(|(key, set)| key == PULL_SECRET_LABEL && *set == self.set);
        let uid = written.metadata.uid.clone().unwrap_or_default();
        let (place, facts) = watch::facts(&self.set, written);
        match is_own {
            true => self.store.put_secret(place, facts),
            false => self.store.remove_secret(&place, &uid),
        }
    }
}

impl PullSecretCluster for PullSecrets {
    fn set(&self) -> &str {
        &self.set
    }

    fn start(&self, with_accounts: bool) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, store) = (&self.connection, &self.store);
        if watches.tasks.is_empty() {
            // All are awaited before the first is complete.
            if self.namespaces.is_empty() {
                store.expect(&List::Namespaces);
            }
            for scope in self.scopes() {
                store.expect(&List::Secrets(scope));
            }
            if self.namespaces.is_empty() {
                let namespaces = watch::namespaces(Arc::clone(connection), Arc::clone(store));
                watches.tasks.push(tokio::spawn(namespaces));
            }
            for scope in self.scopes() {
                let secrets = watch::secrets(Arc::clone(connection), Arc::clone(store), scope, self.set.clone());
                watches.tasks.push(tokio::spawn(secrets));
            }
        }
        if with_accounts && !watches.with_accounts {
            watches.with_accounts = true;
            for scope in self.scopes() {
                store.expect(&List::Accounts(scope.clone()));
                let accounts = watch::accounts(Arc::clone(connection), Arc::clone(store), scope, self.set.clone());
                watches.tasks.push(tokio::spawn(accounts));
            }
        }
    }

    fn view(&self) -> PullSecretView {
        self.store.view()
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store.changes()
    }

    async fn has_marked(&self) -> Result<bool, ClusterFailure> {
        let client = &self.connection.client;
        let params = ListParams::default()
            .labels(&format!("{PULL_SECRET_LABEL}={}", self.set))
            .limit(1);
        for scope in self.scopes() {
            let (secrets, accounts): (Api<Secret>, Api<ServiceAccount>) = match &scope {
                Some(namespace) => (
                    Api::namespaced(client.clone(), namespace),
                    Api::namespaced(client.clone(), namespace),
                ),
                None => (Api::all(client.clone()), Api::all(client.clone())),
            };
            let found = self.connection.within(DEADLINE, secrets.list_metadata(&params)).await?;
            if !found.items.is_empty() {
                return Ok(true);
            }
            let found = self
                .connection
                .within(DEADLINE, accounts.list_metadata(&params))
                .await?;
            if !found.items.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn read(&self, name: &SecretName) -> Result<Option<LiveSecret>, ClusterFailure> {
        let api = self.secrets(name);
        let found = self.connection.within(DEADLINE, api.get_opt(&name.name)).await?;
        Ok(found.map(secret))
    }

    async fn create(&self, name: &SecretName, form: SecretForm, content: &SecretPatch) -> Result<(), ClusterFailure> {
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": form.type_name(),
            "metadata": {
                "name": name.name,
                "namespace": name.namespace,
                "labels": content.labels,
                "annotations": content.annotations,
            },
            "data": data(content),
        });
        // The body is what a Secret is: the types above are those of its fields.
        let body: Secret = serde_json::from_value(body).map_err(|_| ClusterFailure::Refused {
            message: "the Secret cannot be made".to_owned(),
        })?;
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let api = self.secrets(name);
        let created = api.create(&params, &body).map_err(reduced_for_secret);
        self.note(self.connection.within(DEADLINE, created).await?);
        Ok(())
    }

    async fn patch(&self, name: &SecretName, live: &LiveSecret, patch: &SecretPatch) -> Result<(), ClusterFailure> {
        let mut body = json!({"metadata": {
            "uid": live.uid,
            "resourceVersion": live.version.as_str(),
            "labels": patch.labels,
            "annotations": patch.annotations,
        }});
        if let (false, Some(body)) = (patch.data.is_empty(), body.as_object_mut()) {
            body.insert("data".to_owned(), data(patch));
        }
        let (api, params) = (self.secrets(name), written_by());
        let patch = Patch::Merge(body);
        let written = api.patch(&name.name, &params, &patch).map_err(reduced_for_secret);
        self.note(self.connection.within(DEADLINE, written).await?);
        Ok(())
    }

    async fn delete(&self, name: &SecretName, live: &LiveSecret) -> Result<(), ClusterFailure> {
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: Some(live.uid.clone()),
            resource_version: Some(live.version.as_str().to_owned()),
        });
        let api = self.secrets(name);
        let deleted = async { if_found(api.delete(&name.name, &params).await).map_err(reduced_for_secret) };
        self.connection.within(DEADLINE, deleted).await?;
        let place = (name.namespace.clone(), name.name.clone());
        self.store.remove_secret(&place, &live.uid);
        Ok(())
    }

    async fn set_account(
        &self,
        namespace: &str,
        name: &str,
        live: &AccountFacts,
        pull_secrets: &[String],
        own: &BTreeSet<String>,
    ) -> Result<(), ClusterFailure> {
        let is_marked = !own.is_empty();
        let names: Vec<&str> = own.iter().map(String::as_str).collect();
        let references = pull_secrets.iter().map(|name| json!({"name": name}));
        let body = json!({
            "metadata": {
                "resourceVersion": live.version.as_str(),
                "labels": {PULL_SECRET_LABEL: is_marked.then_some(&self.set)},
                "annotations": {ACCOUNT_ANNOTATION: is_marked.then(|| names.join(","))},
            },
            "imagePullSecrets": references.collect::<Vec<Value>>(),
        });
        let api: Api<ServiceAccount> = Api::namespaced(self.connection.client.clone(), namespace);
        let (params, patch) = (written_by(), Patch::Merge(body));
        let written = self
            .connection
            .within(DEADLINE, api.patch(name, &params, &patch))
            .await?;
        let place = (namespace.to_owned(), name.to_owned());
        self.store
            .put_account(place, super::reduce::account(&self.set, written));
        Ok(())
    }
}

impl Drop for PullSecrets {
    fn drop(&mut self) {
        let watches = self.watches.get_mut().unwrap_or_else(PoisonError::into_inner);
        watches.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn written_by() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// The entries in base64; null takes an entry away.
fn data(patch: &SecretPatch) -> Value {
    let entries: &BTreeMap<_, _> = &patch.data;
    let encoded = entries.iter().map(|(entry, bytes)| {
        let bytes = bytes.as_ref().map(|bytes| STANDARD.encode(bytes.expose()));
        (entry.clone(), bytes.map_or(Value::Null, Value::String))
    });
    Value::Object(encoded.collect::<Map<_, _>>())
}
