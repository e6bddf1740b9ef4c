use super::ApiServer;
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Deletion, Mode};
use crate::resource::{FieldsEntry, MANAGER, ObservedObject, Ownership, ResourceVersion, ServedKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::client::Body;
use kube::core::{PartialObjectMeta, Request, Resource, Status};
use serde_json::Value;
use std::time::Duration;

/// A webhook may take 30 s at most, and the client's own retries stay within this too.
const APPLY_DEADLINE: Duration = Duration::from_secs(35);
const DELETE_DEADLINE: Duration = Duration::from_secs(20);

impl ApiServer {
    pub(super) async fn apply_object(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        mode: Mode,
    ) -> Result<Applied, ClusterFailure> {
        let path = path(kind, id)?;
        let mut params = PatchParams::apply(MANAGER).force();
        params.dry_run = mode == Mode::DryRun;
        let request = async {
            let request = Request::new(path)
                .patch(&id.name, &params, &Patch::Apply(body))
                .map_err(kube::Error::BuildRequest)?;
            let response = self.client.send(request.map(Body::from)).await?;
            let code = response.status();
            let bytes = response.into_body().collect_bytes().await?;
            if code.is_success() {
                let answer: PartialObjectMeta = serde_json::from_slice(&bytes).map_err(kube::Error::SerdeError)?;
                return Ok((code.as_u16() == 201, answer.metadata));
            }
            let status = serde_json::from_slice::<Status>(&bytes)
                .unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(&bytes), ""));
            Err(kube::Error::Api(status.with_code(code.as_u16()).boxed()))
        };
        let answer = self.within(APPLY_DEADLINE, request).await;
        let (created, metadata) = answer.map_err(|failure| match failure {
            ClusterFailure::UnknownKind { .. } => {
                self.table.doubt();
                failure
            }
            failure if kind.kind.kind.is("", "Secret") => hide_values(failure, body),
            failure => failure,
        })?;
        Ok(Applied {
            uid: metadata.uid.unwrap_or_default(),
            version: ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
            generation: metadata.generation,
            fingerprint: ownership(metadata.managed_fields.as_deref()).fingerprint,
            created,
        })
    }

    pub(super) async fn delete_object(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
    ) -> Result<Deletion, ClusterFailure> {
        let path = path(kind, id)?;
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(seen.uid.clone()),
            resource_version: Some(seen.version.as_str().to_owned()),
        });
        let request = async {
            let request = Request::new(path)
                .delete(&id.name, &params)
                .map_err(kube::Error::BuildRequest)?;
            match self.client.request_text(request).await {
                Ok(_) => Ok(Deletion::Accepted),
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Deletion::Absent),
                Err(error) => Err(error),
            }
        };
        self.within(DELETE_DEADLINE, request).await
    }
}

/// The server quotes what it cannot take; of a Secret nothing may be quoted.
fn hide_values(failure: ClusterFailure, body: &Value) -> ClusterFailure {
    let ClusterFailure::Refused { mut message } = failure else {
        return failure;
    };
    let held = ["data", "stringData"]
        .into_iter()
        .filter_map(|key| body.get(key)?.as_object());
    let mut values: Vec<String> = held
        .flat_map(|map| map.values())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .filter(|value| value.len() > 2)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        message = message.replace(&value, "<hidden>");
    }
    ClusterFailure::Refused { message }
}

pub(super) fn api_resource(kind: &ServedKind) -> ApiResource {
    ApiResource {
        group: kind.kind.kind.group.clone(),
        version: kind.kind.version.clone(),
        api_version: kind.kind.api_version(),
        kind: kind.kind.kind.kind.clone(),
        plural: kind.plural.clone(),
    }
}

fn path(kind: &ServedKind, id: &ObjectId) -> Result<String, ClusterFailure> {
    for part in [Some(&id.name), id.namespace.as_ref()].into_iter().flatten() {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:@".contains(c);
        if part.is_empty() || part.starts_with("..") || !part.chars().all(is_plain) {
            return Err(ClusterFailure::Refused {
                message: format!("{part:?} is no name or namespace that a Kubernetes object can have; correct it"),
            });
        }
    }
    Ok(DynamicObject::url_path(&api_resource(kind), id.namespace.as_deref()))
}

pub(super) fn ownership(entries: Option<&[ManagedFieldsEntry]>) -> Ownership {
    let entries = entries.unwrap_or_default().iter();
    Ownership::read(entries.map(|entry| FieldsEntry {
        manager: entry.manager.as_deref().unwrap_or_default(),
        operation: entry.operation.as_deref().unwrap_or_default(),
        subresource: entry.subresource.as_deref().unwrap_or_default(),
        api_version: entry.api_version.as_deref().unwrap_or_default(),
        time: entry.time.as_ref().map(|time| time.0),
        fields: entry.fields_v1.as_ref().map_or(&Value::Null, |fields| &fields.0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::KindVersion;

    #[test]
    fn what_a_secret_holds_is_not_quoted() {
        let body = serde_json::json!({"stringData": {"pin": 123456, "password": "hunter22"}});
        let message = "expected string, got &value{Value:123456} beside hunter22".to_owned();
        let hidden = hide_values(ClusterFailure::Refused { message }, &body).to_string();
        assert_eq!(hidden, "expected string, got &value{Value:<hidden>} beside <hidden>");
    }

    #[test]
    fn a_name_cannot_lead_a_request_elsewhere() {
        let served = ServedKind {
            kind: KindVersion::new("v1", "ConfigMap"),
            plural: "configmaps".into(),
            namespaced: true,
        };
        for (namespace, name) in [
            ("shop", "a/b"),
            ("..", "a"),
            ("shop", "a?force=1"),
            ("a%2f", "b"),
            ("shop", ""),
        ] {
            let id = ObjectId {
                group: String::new(),
                kind: "ConfigMap".into(),
                namespace: Some(namespace.into()),
                name: name.into(),
            };
            assert!(path(&served, &id).is_err(), "{namespace} {name}");
        }
        let role = ObjectId::new("v1", "ConfigMap", Some("shop"), "system:node.a-b");
        assert_eq!(path(&served, &role).unwrap(), "/api/v1/namespaces/shop/configmaps");
    }
}
