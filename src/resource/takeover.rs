use super::field_pattern::FieldPattern;
use super::fingerprint::{FieldsEntry, MANAGER};
use super::owned_fields::OwnedFields;
use super::writer::{Writer, is_manifest};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many fields a message names.
const NAMED: usize = 8;

/// Fields that people wrote into an object beside what the agent applied: `kubectl set env`, `kubectl edit`, `kubectl rollout
/// undo`. Labels and annotations are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Additions {
    /// The field managers that wrote them.
    pub by: BTreeSet<String>,
    fields: OwnedFields,
}

impl Additions {
    /// Reads the entries of one object. `None` if people added nothing.
    pub fn read<'a>(entries: impl IntoIterator<Item = FieldsEntry<'a>>) -> Option<Self> {
        let mut ours = None;
        let mut found = Vec::new();
        for entry in entries {
            match Writer::of(&entry) {
                Writer::Agent => ours = Some(OwnedFields::read(entry.fields)),
                Writer::Person => found.push((entry.manager, OwnedFields::read(entry.fields).content())),
                Writer::Other => {}
            }
        }
        let ours = ours?;
        let mut additions = Self {
            by: BTreeSet::new(),
            fields: OwnedFields::default(),
        };
        for (manager, content) in found {
            let added = content.without(&ours);
            if !added.is_empty() {
                additions.by.insert(manager.to_owned());
                additions.fields.extend(&added);
            }
        }
        (!additions.fields.is_empty()).then_some(additions)
    }

    /// The additions that the manifest does not declare and does not leave to others. `None` if there are none. A declared
    /// field that somebody wrote is drift: each apply takes such a field back.
    pub fn beside(&self, manifest: &Value, left: &[FieldPattern]) -> Option<Self> {
        let mut fields = self.fields.undeclared(manifest);
        left.iter().for_each(|path| fields.remove(path));
        let by = self.by.clone();
        (!fields.is_empty()).then_some(Self { by, fields })
    }

    /// The field managers, for people.
    pub fn who(&self) -> Option<String> {
        let names: Vec<&str> = self.by.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The paths of the fields, some of many.
    pub fn paths(&self) -> Vec<String> {
        self.fields.paths(NAMED)
    }
}

/// The fields that an object's owner leaves to others: those that its manifest names, and `spec.replicas` where the manifest
/// has none. Whoever scales an object by hand or by an autoscaler has written that field.
pub fn left_to_others(manifest: &Value, ignored: &[FieldPattern]) -> Vec<FieldPattern> {
    let mut left = ignored.to_vec();
    if manifest.pointer("/spec/replicas").is_none() {
        left.extend(FieldPattern::parse("spec.replicas"));
    }
    left
}

/// Whose fields become the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Those that people wrote.
    Additions,
    /// The first contact with an object: also what tools made of whole manifests, with labels and annotations.
    Everything,
}

impl Takeover {
    /// Moves fields of others to the agent's entry in `managedFields`: the agent's next apply keeps those that the manifest
    /// declares and removes the rest. `None` if there is nothing to move.
    ///
    /// `kubectl apply --server-side` and Flux do the same with the fields of `kubectl apply`.
    pub fn apply(self, entries: &[Value], left: &[FieldPattern]) -> Option<Vec<Value>> {
        let mut ours = entries
            .iter()
            .position(|entry| Writer::of(&read(entry)) == Writer::Agent);
        let mut moved = OwnedFields::default();
        let mut rest = Vec::new();
        let mut pattern = None;
        for (index, entry) in entries.iter().enumerate() {
            let part = match ours == Some(index) {
                true => OwnedFields::default(),
                false => self.part(&read(entry), left),
            };
            if part.is_empty() {
                if ours == Some(index) {
                    ours = Some(rest.len());
                }
                rest.push(entry.clone());
                continue;
            }
            moved.extend(&part);
            pattern = Some(entry);
            let remaining = OwnedFields::read(&entry["fieldsV1"]).without(&part);
            if !remaining.is_empty() {
                let mut entry = entry.clone();
                entry["fieldsV1"] = remaining.into_value();
                rest.push(entry);
            }
        }
        let pattern = pattern?;
        match ours.and_then(|index| rest.get_mut(index)) {
            Some(own) => {
                let mut fields = OwnedFields::read(&own["fieldsV1"]);
                fields.extend(&moved);
                own["fieldsV1"] = fields.into_value();
            }
            None => rest.push(json!({
                "manager": MANAGER,
                "operation": "Apply",
                "apiVersion": pattern["apiVersion"],
                "time": pattern["time"],
                "fieldsType": "FieldsV1",
                "fieldsV1": moved.into_value(),
            })),
        }
        Some(rest)
    }

    /// The fields of an entry that become the agent's.
    fn part(self, entry: &FieldsEntry<'_>, left: &[FieldPattern]) -> OwnedFields {
        let fields = OwnedFields::read(entry.fields);
        let is_manifest = self == Self::Everything && is_manifest(entry);
        let mut part = match is_manifest || Writer::of(entry) == Writer::Person {
            true => fields.content(),
            false => OwnedFields::default(),
        };
        if is_manifest {
            part.extend(&fields.marks());
        }
        left.iter().for_each(|path| part.remove(path));
        part
    }
}

/// Whether the agent owns the field at `path`, or a field in that field.
pub(super) fn owns(entries: &[Value], path: &FieldPattern) -> bool {
    let own = entries.iter().find(|entry| is_own(entry));
    own.is_some_and(|entry| OwnedFields::read(&entry["fieldsV1"]).contains(path))
}

/// Whether this item of `managedFields` is what the agent applied.
pub fn is_own(entry: &Value) -> bool {
    read(entry).is_own()
}

fn read(entry: &Value) -> FieldsEntry<'_> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    FieldsEntry {
        manager: text("manager"),
        operation: text("operation"),
        subresource: text("subresource"),
        api_version: text("apiVersion"),
        time: None,
        fields: entry.get("fieldsV1").unwrap_or(&Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn additions(entries: &[Value]) -> Option<Additions> {
        Additions::read(entries.iter().map(read))
    }

    #[test]
    fn only_what_people_wrote_beside_the_manifest_is_an_addition() {
        let ours = entry("tidegate", "Apply", json!({"f:spec": {"f:image": {}}}));
        let rows = [
            (
                entry("kubectl-set", "Update", json!({"f:spec": {"f:env": {}}})),
                Some("spec.env"),
            ),
            (
                entry("kubectl-edit", "Update", json!({"f:data": {"f:b": {}}})),
                Some("data.b"),
            ),
            (
                entry("kubectl-rollout", "Update", json!({"f:spec": {"f:paused": {}}})),
                Some("spec.paused"),
            ),
            (entry("kubectl-set", "Update", json!({"f:spec": {"f:image": {}}})), None),
            (
                entry(
                    "kube-controller-manager",
                    "Update",
                    json!({"f:spec": {"f:replicas": {}}}),
                ),
                None,
            ),
            (
                entry(
                    "kubectl-label",
                    "Update",
                    json!({"f:metadata": {"f:labels": {"f:a": {}}}}),
                ),
                None,
            ),
            (
                entry(
                    "kubectl-rollout",
                    "Update",
                    json!({"f:spec": {"f:template": {"f:metadata": {"f:annotations": {
                    ".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}}}),
                ),
                None,
            ),
        ];
        for (theirs, path) in rows {
            let found = additions(&[ours.clone(), theirs.clone()]);
            assert_eq!(
                found.map(|it| it.paths()),
                path.map(|path| vec![path.to_owned()]),
                "{theirs}"
            );
        }
        let foreign = entry("kubectl-set", "Update", json!({"f:spec": {"f:env": {}}}));
        assert_eq!(additions(&[foreign]), None, "the agent has not applied the object");
    }

    #[test]
    fn fields_that_are_left_to_others_are_no_additions() {
        let ours = entry("tidegate", "Apply", json!({"f:spec": {"f:image": {}}}));
        let theirs = entry(
            "kubectl-edit",
            "Update",
            json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}),
        );
        let found = additions(&[ours, theirs]).unwrap();
        let beside = |manifest: Value, ignored: &str| {
            let left = left_to_others(&manifest, &FieldPattern::parse_list(ignored).unwrap());
            found.beside(&manifest, &left).map_or(vec![], |it| it.paths())
        };
        assert_eq!(beside(json!({"spec": {}}), ""), ["spec.paused"]);
        assert_eq!(beside(json!({"spec": {"paused": false}}), ""), [] as [&str; 0], "drift");
        assert_eq!(beside(json!({"spec": {"replicas": 1}}), ""), ["spec.paused"], "drift");
        assert_eq!(beside(json!({}), "spec.paused"), [] as [&str; 0]);
    }

    #[test]
    fn at_first_contact_the_fields_of_a_manifest_become_the_agents_with_labels_and_annotations() {
        let applied = entry(
            "kubectl-client-side-apply",
            "Update",
            json!({"f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {"v:\"a\"": {}}},
                "f:spec": {"f:replicas": {}, "f:image": {}}}),
        );
        let hpa = entry("kube-controller-manager", "Update", json!({"f:spec": {"f:x": {}}}));
        let label = entry(
            "kubectl-label",
            "Update",
            json!({"f:metadata": {"f:labels": {"f:team": {}}}}),
        );
        let entries = [applied.clone(), hpa.clone(), label.clone()];
        let left = left_to_others(&json!({"spec": {"image": "a"}}), &[]);
        let kept = entry(
            "kubectl-client-side-apply",
            "Update",
            json!({"f:metadata": {"f:finalizers": {"v:\"a\"": {}}}, "f:spec": {"f:replicas": {}}}),
        );
        let ours = entry(
            "tidegate",
            "Apply",
            json!({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:image": {}}}),
        );
        let rest = Takeover::Everything.apply(&entries, &left);
        assert_eq!(rest, Some(vec![kept, hpa.clone(), label.clone(), ours]));
        assert_eq!(Takeover::Everything.apply(&[hpa, label], &left), None);
    }

    #[test]
    fn later_only_what_people_added_becomes_the_agents() {
        let ours = entry("tidegate", "Apply", json!({"f:spec": {"f:image": {}}}));
        let set = entry(
            "kubectl-edit",
            "Update",
            json!({"f:metadata": {"f:labels": {"f:team": {}}}, "f:spec": {"f:env": {}}}),
        );
        let helm = entry("helm", "Update", json!({"f:spec": {"f:x": {}}}));
        let rest = Takeover::Additions.apply(&[set, ours, helm.clone()], &[]);
        let label = entry(
            "kubectl-edit",
            "Update",
            json!({"f:metadata": {"f:labels": {"f:team": {}}}}),
        );
        let both = entry("tidegate", "Apply", json!({"f:spec": {"f:image": {}, "f:env": {}}}));
        assert_eq!(rest, Some(vec![label, both, helm]));
    }
}
