//! From wire objects to what the loop reads.

use crate::model::SecretBytes;
use crate::port::AccountFacts;
use crate::resource::ResourceVersion;
use crate::spread::{LiveSecret, PULL_SECRET_LABEL};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::ObjectMeta;
use std::collections::BTreeSet;

/// The names that the agent put into a ServiceAccount's `imagePullSecrets`, with commas between them.
pub(super) const ACCOUNT_ANNOTATION: &str = "tidegate.dev/pull-secrets";
/// The field manager of what the loop writes.
pub(super) const MANAGER: &str = "tidegate-pull-secrets";

/// Namespace and name.
pub(super) type Place = (String, String);

pub(super) fn place(metadata: &ObjectMeta) -> Place {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

pub(super) fn version(metadata: &ObjectMeta) -> ResourceVersion {
    ResourceVersion::new(metadata.resource_version.clone().unwrap_or_default())
}

pub(super) fn secret(secret: Secret) -> LiveSecret {
    let metadata = secret.metadata;
    let data = secret.data.into_iter().flatten();
    LiveSecret {
        version: version(&metadata),
        uid: metadata.uid.unwrap_or_default(),
        type_name: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
        is_immutable: secret.immutable == Some(true),
        is_owned: metadata.owner_references.is_some_and(|owners| !owners.is_empty())
            || metadata.finalizers.is_some_and(|finalizers| !finalizers.is_empty()),
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        data: data
            .map(|(entry, ByteString(bytes))| (entry, SecretBytes::new(bytes)))
            .collect(),
    }
}

pub(super) fn account(set: &str, account: ServiceAccount) -> AccountFacts {
    let metadata = &account.metadata;
    let label = metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(PULL_SECRET_LABEL));
    let own = metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get(ACCOUNT_ANNOTATION));
    let own = own.filter(|_| label.is_some_and(|label| label == set));
    let own: BTreeSet<String> = own
        .into_iter()
        .flat_map(|names| names.split(','))
        .map(str::to_owned)
        .collect();
    let managers = metadata.managed_fields.iter().flatten();
    let mut declaring = managers.filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.operation.as_deref() == Some("Apply")
            && entry.manager.as_deref() != Some(MANAGER)
            && fields.is_some_and(|fields| fields.get("f:imagePullSecrets").is_some())
    });
    AccountFacts {
        version: version(metadata),
        declared_by: declaring.next().and_then(|entry| entry.manager.clone()),
        pull_secrets: account
            .image_pull_secrets
            .into_iter()
            .flatten()
            .map(|reference| reference.name)
            .collect(),
        own,
    }
}
