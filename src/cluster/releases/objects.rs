//! Compares the objects of a release with its newest revision, and puts them back. Requests carry helm's name: what is put back is
//! helm's, and the next upgrade finds it so.

use super::api::HelmReleases;
use super::reduce::{mark, revision_name};
use crate::cluster::failure::classify;
use crate::cluster::own_fields::Live;
use crate::cluster::resource_path::collection_path;
use crate::cluster::server_text::reduced_for_secret;
use crate::driver::blocking;
use crate::model::{ObjectId, SecretBytes};
use crate::port::{ClusterFailure, Compared, Freshness, ReleaseObject, ReleaseObjects, Repair};
use crate::release::{HELM_MANAGER, ObjectMark, ReleaseName, is_release_secret, manifests, object_body, release_of};
use crate::resource::{FieldPattern, GroupKind, PART_OF_LABEL, ServedKind, is_autoscaled, object_diff};
use kube::api::{Patch, PatchParams};
use kube::core::{PartialObjectMeta, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(35);
/// More fields of an object are not named.
const NAMED: usize = 8;

impl ReleaseObjects for HelmReleases {
    fn follow_objects(&self, kinds: BTreeSet<GroupKind>) {
        self.object_watches.keep(kinds, &self.around);
    }

    async fn manifests(&self, release: &ReleaseName, revision: u32) -> Result<Option<SecretBytes>, ClusterFailure> {
        let api = self.secrets(release);
        let name = revision_name(release, revision);
        let Some(mut secret) = self.around.connection.within(DEADLINE, api.get_opt(&name)).await? else {
            return Ok(None);
        };
        let refused = |message: String| ClusterFailure::Refused { message };
        if !is_release_secret(secret.type_.as_deref().unwrap_or_default()) {
            return Err(refused(format!("Secret {name} is not Helm's")));
        }
        let text = secret
            .data
            .as_mut()
            .and_then(|data| data.remove("release"))
            .unwrap_or_default();
        let read = blocking(move || manifests(&text.0))
            .await
            .map_err(|error| refused(error.to_string()))?;
        let read = read.map_err(|error| refused(error.to_string()))?;
        Ok(Some(SecretBytes::new(read.into_bytes())))
    }

    async fn compare_object(&self, object: &ReleaseObject) -> Result<Compared, ClusterFailure> {
        let connection = &self.around.connection;
        let requested = BTreeSet::from([object.kind.clone()]);
        let kinds = self
            .around
            .discovery
            .kinds(connection, &requested, Freshness::AskIfUnknown)
            .await?;
        let Some(served) = kinds.served.get(&object.kind).cloned() else {
            let message = format!("the server does not serve {}", object.kind);
            return Err(ClusterFailure::UnknownKind { message });
        };
        let id = served.resolve(&object.id, &object.release.namespace);
        let body = object_body(&object.manifest, &id, &object.release);
        let Some(live) = Live::read(connection, &served, &id).await?.map(Live::into_value) else {
            return Ok(Compared::Absent(Box::new(Repair { kind: served, id, body })));
        };
        if let Some(reason) = elsewhere(&live, &object.release) {
            return Ok(Compared::Elsewhere(reason));
        }
        if live.pointer("/metadata/deletionTimestamp").is_some() {
            return Ok(Compared::Going);
        }
        let applied: Value = self.send(&served, &id, &body, true).await?;
        Ok(differences(object, Repair { kind: served, id, body }, live, applied))
    }

    async fn repair_object(&self, repair: &Repair) -> Result<ObjectMark, ClusterFailure> {
        let written: PartialObjectMeta = self.send(&repair.kind, &repair.id, &repair.body, false).await?;
        Ok(mark(&repair.id, &written.metadata))
    }
}

impl HelmReleases {
    /// One server-side apply in helm's name.
    async fn send<T: DeserializeOwned>(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        is_dry_run: bool,
    ) -> Result<T, ClusterFailure> {
        let connection = &self.around.connection;
        let mut params = PatchParams::apply(HELM_MANAGER).force();
        params.dry_run = is_dry_run;
        let request = Request::new(collection_path(kind, id)?).patch(&id.name, &params, &Patch::Apply(body));
        let request = request.map_err(|error| classify(connection.url(), &kube::Error::BuildRequest(error)))?;
        let sent = async {
            let answer = connection.client.request::<T>(request).await;
            answer.map_err(|error| match kind.kind.kind.is("", "Secret") {
                true => reduced_for_secret(error),
                false => error,
            })
        };
        connection.within(DEADLINE, sent).await
    }
}

/// Why an object is not the release's to repair.
fn elsewhere(live: &Value, release: &ReleaseName) -> Option<String> {
    let annotations = live.pointer("/metadata/annotations");
    let named = release_of(|key| annotations?.get(key)?.as_str());
    if let Some(other) = named.filter(|named| named != release) {
        return Some(format!("the object belongs to release {other}"));
    }
    let labels = live.pointer("/metadata/labels");
    labels
        .and_then(|labels| labels.get(PART_OF_LABEL))
        .map(|_| "a manifest of a config repo declares the object, too".to_owned())
}

/// What differs between the live object and the object as an apply would leave it, without the fields that others may own.
fn differences(object: &ReleaseObject, mut repair: Repair, mut live: Value, mut applied: Value) -> Compared {
    let entries = live
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .cloned();
    let entries = entries.unwrap_or_default();
    let mut ignored = object.ignored.clone();
    if is_autoscaled(&entries) {
        ignored.extend(FieldPattern::parse("spec.replicas"));
    }
    let fields = |live: &Value, applied: &Value| -> Vec<String> {
        let changes = object_diff(live, applied, true, &[0; 16]);
        changes.into_iter().map(|change| change.field).collect()
    };
    let mut changed = fields(&live, &applied);
    for pattern in &ignored {
        pattern.remove_from(&mut live);
        pattern.remove_from(&mut applied);
        let rest = fields(&live, &applied);
        if rest != changed {
            // Somebody else owns the field, which keeps its value.
            pattern.remove_from(&mut repair.body);
        }
        changed = rest;
    }
    if changed.is_empty() {
        return Compared::Same;
    }
    changed.truncate(NAMED);
    Compared::Differs {
        fields: changed,
        by: last_writer(&entries),
        repair: Box::new(repair),
    }
}

/// Who wrote the object last, besides helm.
fn last_writer(entries: &[Value]) -> Option<String> {
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let others = entries
        .iter()
        .filter(|entry| text(entry, "manager") != HELM_MANAGER && text(entry, "subresource") != "status");
    others
        .max_by_key(|entry| text(entry, "time"))
        .map(|entry| text(entry, "manager"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::KindVersion;
    use serde_json::json;

    fn compared(live: Value, applied: Value, ignored: &str) -> (Compared, Value) {
        let id = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
        let kind = KindVersion::new("apps/v1", "Deployment");
        let object = ReleaseObject {
            release: ReleaseName {
                namespace: "shop".into(),
                name: "web".into(),
            },
            id: id.clone(),
            kind: kind.clone(),
            manifest: Value::Null,
            ignored: FieldPattern::parse_list(ignored).unwrap(),
        };
        let repair = Repair {
            kind: ServedKind {
                kind,
                plural: "deployments".into(),
                namespaced: true,
                scales: true,
            },
            id,
            body: json!({"spec": {"replicas": 2, "paused": false}}),
        };
        let compared = differences(&object, repair, live, applied);
        let body = match &compared {
            Compared::Differs { repair, .. } => repair.body.clone(),
            _ => Value::Null,
        };
        (compared, body)
    }

    #[test]
    fn a_field_that_others_may_own_is_neither_compared_nor_put_back_once_it_differs() {
        let declared = json!({"spec": {"replicas": 2, "paused": false}});
        let scaled = json!({"spec": {"replicas": 5, "paused": false}});
        let both = json!({"spec": {"replicas": 5, "paused": true}});
        assert!(matches!(
            compared(declared.clone(), declared.clone(), "").0,
            Compared::Same
        ));
        assert!(matches!(
            compared(scaled.clone(), declared.clone(), "spec.replicas").0,
            Compared::Same
        ));
        let (found, body) = compared(both, declared.clone(), "spec.replicas");
        assert!(matches!(found, Compared::Differs { fields, .. } if fields == ["spec.paused"]));
        assert_eq!(
            body,
            json!({"spec": {"paused": false}}),
            "an apply leaves the replicas alone"
        );
        let (found, body) = compared(
            json!({"spec": {"replicas": 2, "paused": true}}),
            declared,
            "spec.replicas",
        );
        assert!(matches!(found, Compared::Differs { fields, .. } if fields == ["spec.paused"]));
        assert_eq!(
            body,
            json!({"spec": {"replicas": 2, "paused": false}}),
            "helm owns the replicas, and an apply without them would remove them"
        );
    }

    #[test]
    fn the_replicas_of_an_autoscaler_stay_and_those_of_a_person_do_not() {
        let with = |manager: &str| {
            json!({"metadata": {"managedFields": [
                {"manager": manager, "operation": "Update", "subresource": "scale", "time": "2026-01-01T00:00:00Z",
                 "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}, "spec": {"replicas": 5}})
        };
        let declared = json!({"metadata": {}, "spec": {"replicas": 2}});
        assert!(matches!(
            compared(with("kube-controller-manager"), declared.clone(), "").0,
            Compared::Same
        ));
        let (found, _) = compared(with("kubectl"), declared, "");
        assert!(
            matches!(found, Compared::Differs { fields, by, .. } if fields == ["spec.replicas"] && by.as_deref() == Some("kubectl"))
        );
    }
}
