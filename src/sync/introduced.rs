use super::sync_plan::ApplyStep;
use crate::model::ObjectId;
use crate::resource::{GroupKind, KindVersion};
use serde_json::Value;
use std::collections::BTreeSet;

/// The namespaces and kinds that a commit creates for other objects of the same commit.
#[derive(Default)]
pub(super) struct Introduced {
    namespaces: BTreeSet<String>,
    versions: BTreeSet<KindVersion>,
}

impl Introduced {
    /// Notes an object that a dry run created.
    pub(super) fn note(&mut self, step: &ApplyStep) {
        let kind = GroupKind::of(&step.id);
        if kind.is("", "Namespace") {
            self.namespaces.insert(step.id.name.clone());
        }
        if kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            self.versions.extend(defined(&step.object.value.value()));
        }
    }

    pub(super) fn has_namespace_of(&self, id: &ObjectId) -> bool {
        id.namespace.as_ref().is_some_and(|name| self.namespaces.contains(name))
    }

    /// The unknown kinds that will be served in every version that is declared.
    pub(super) fn kinds(&self, unknown: &BTreeSet<KindVersion>) -> BTreeSet<GroupKind> {
        let lacking: BTreeSet<_> = unknown
            .difference(&self.versions)
            .map(|version| &version.kind)
            .collect();
        let introduced = unknown.intersection(&self.versions).map(|version| &version.kind);
        introduced.filter(|kind| !lacking.contains(kind)).cloned().collect()
    }
}

/// The kinds that a CustomResourceDefinition serves.
fn defined(definition: &Value) -> Vec<KindVersion> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (Some(group), Some(kind)) = (text(definition, "/spec/group"), text(definition, "/spec/names/kind")) else {
        return Vec::new();
    };
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let served = versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true);
    served
        .filter_map(|version| text(version, "/name"))
        .map(|version| KindVersion::new(&format!("{group}/{version}"), &kind))
        .collect()
}
