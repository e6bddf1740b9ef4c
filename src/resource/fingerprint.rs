use super::field_set::{FieldPath, has_field, leaf_fields};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// The field manager of all the agent's requests.
pub const MANAGER: &str = "tidegate";

/// The path of the field that autoscalers set.
pub const REPLICAS: [&str; 2] = ["f:spec", "f:replicas"];

/// Enough to name what a fight is about.
const MAX_WRITTEN: usize = 64;

/// The server dates the entry before the admission webhooks run, which may take 30 s, and the object afterwards.
const CREATION: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// A hash of the agent's own `managedFields` entry: `apiVersion`, `fieldsV1` and `time`.
///
/// A manager that writes another value to a field of the agent takes the field from the agent's entry. A process that
/// applies under the agent's name moves the entry's time. Both change the hash. A write that leaves the agent's fields
/// alone does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", hex::encode(self.0))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl Fingerprint {
    /// Of all that another manager wrote into the object itself, by apply and by update. `None` if that manager wrote nothing.
    pub fn of_manager<'a>(manager: &str, entries: impl IntoIterator<Item = FieldsEntry<'a>>) -> Option<Self> {
        let mut hashes: Vec<[u8; 16]> = entries
            .into_iter()
            .filter(|entry| entry.manager == manager && entry.subresource.is_empty())
            .map(|entry| hash(&entry).0)
            .collect();
        hashes.sort_unstable();
        let (first, rest) = hashes.split_first()?;
        if rest.is_empty() {
            return Some(Self(*first));
        }
        let mut all = [0; 16];
        let digest = Sha256::digest(hashes.concat());
        for (to, from) in all.iter_mut().zip(digest) {
            *to = from;
        }
        Some(Self(all))
    }

    /// The bytes of the hash.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }
}

/// One item of `metadata.managedFields`, as the server sent it.
#[derive(Clone, Copy, Debug)]
pub struct FieldsEntry<'a> {
    /// The field manager that wrote.
    pub manager: &'a str,
    /// `Apply` or `Update`.
    pub operation: &'a str,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The API version that the fields are written in.
    pub api_version: &'a str,
    /// When the entry last changed.
    pub time: Option<jiff::Timestamp>,
    /// The fields, in the format of `fieldsV1`.
    pub fields: &'a Value,
}

impl FieldsEntry<'_> {
    /// Whether this is what the agent applied.
    pub(super) fn is_own(&self) -> bool {
        self.manager == MANAGER && self.operation == "Apply" && self.subresource.is_empty()
    }
}

/// The `managedFields` of a live object, reduced to a few bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ownership {
    /// The fingerprint of the agent's entry. `None` without an entry, which never counts as a match.
    pub fingerprint: Option<Fingerprint>,
    /// The manager, other than the agent, that last wrote to the object. Writes to its status do not count.
    pub last_writer: Option<String>,
    /// The fields that the last writer owns and the agent does not. Of many fields only the first are listed.
    pub last_written: Vec<FieldPath>,
    /// Whether the agent's entry owns `spec.replicas`.
    pub owns_replicas: bool,
    /// Whether somebody else wrote in the second of the agent's entry, or later. Writes to the status do not count.
    pub has_later_writer: bool,
    /// Whether somebody wrote the status in the second of the agent's entry, or later.
    pub has_later_status: bool,
    /// When the agent's entry last changed.
    pub applied_at: Option<jiff::Timestamp>,
    /// Whether the agent's entry owns the annotation `tidegate.dev/prune`.
    pub owns_prune: bool,
    /// The labels and annotations that the agent's entry owns.
    pub own_marks: BTreeSet<String>,
}

impl Ownership {
    /// Reads the entries of one object.
    pub fn read<'a>(entries: impl IntoIterator<Item = FieldsEntry<'a>>) -> Self {
        let mut ownership = Self::default();
        let (mut latest, mut own, mut last) = (None, None, None);
        let (mut newest, mut newest_status) = (None, None);
        for entry in entries {
            if entry.is_own() {
                ownership.fingerprint = Some(hash(&entry));
                ownership.applied_at = entry.time;
                ownership.owns_replicas = has_field(entry.fields, &REPLICAS);
                own = Some(entry.fields);
                ownership.owns_prune =
                    owned_names(entry.fields, "f:annotations").any(|name| name == "tidegate.dev/prune");
                let names = ["f:labels", "f:annotations"].into_iter();
                ownership.own_marks = names
                    .flat_map(|part| owned_names(entry.fields, part))
                    .map(str::to_owned)
                    .collect();
                continue;
            }
            match entry.subresource {
                "status" => newest_status = newest_status.max(entry.time),
                _ => newest = newest.max(entry.time),
            }
            if entry.subresource != "status" && (ownership.last_writer.is_none() || entry.time > latest) {
                latest = entry.time;
                ownership.last_writer = Some(entry.manager.to_owned());
                last = Some(entry.fields);
            }
        }
        ownership.has_later_writer = newest.is_some() && newest >= ownership.applied_at;
        ownership.has_later_status = newest_status.is_some() && newest_status >= ownership.applied_at;
        let written = last.map(|fields| leaf_fields(fields, MAX_WRITTEN)).unwrap_or_default();
        let is_own = |path: &FieldPath| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            own.is_some_and(|own| has_field(own, &path))
        };
        ownership.last_written = written.into_iter().filter(|path| !is_own(path)).collect();
        ownership
    }

    /// Whether the agent's entry was written before the object was created: somebody restored the entry from a backup.
    pub fn is_older_than(&self, created: Option<jiff::Timestamp>) -> bool {
        match (self.applied_at, created) {
            (Some(applied), Some(created)) => created.duration_since(applied) > CREATION,
            _ => false,
        }
    }
}

/// The names of the labels or annotations among these fields.
fn owned_names<'a>(fields: &'a Value, part: &str) -> impl Iterator<Item = &'a str> {
    let owned = fields.get("f:metadata").and_then(|metadata| metadata.get(part));
    let names = owned
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|owned| owned.keys());
    names.filter_map(|name| name.strip_prefix("f:"))
}

fn hash(entry: &FieldsEntry<'_>) -> Fingerprint {
    let mut hasher = Sha256::new();
    hasher.update(entry.api_version.as_bytes());
    hasher.update([0]);
    let time = entry.time.map_or(i64::MIN, jiff::Timestamp::as_second);
    hasher.update(time.to_be_bytes());
    hasher.update(entry.fields.to_string().as_bytes());
    let digest = hasher.finalize();
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(digest) {
        *to = from;
    }
    Fingerprint(short)
}

#[cfg(test)]
impl Fingerprint {
    /// The fingerprint of an entry of the agent that owns these fields.
    pub(crate) fn of_agent(fields: &str) -> Self {
        let entry = FieldsEntry {
            manager: MANAGER,
            operation: "Apply",
            subresource: "",
            api_version: "v1",
            time: None,
            fields: &serde_json::json!(fields),
        };
        Ownership::read([entry]).fingerprint.expect("the agent has an entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(entries: &[(&str, &str, &str, i64, Value)]) -> Ownership {
        Ownership::read(
            entries
                .iter()
                .map(|(manager, operation, subresource, second, fields)| FieldsEntry {
                    manager,
                    operation,
                    subresource,
                    api_version: "apps/v1",
                    time: Some(jiff::Timestamp::from_second(*second).unwrap()),
                    fields,
                }),
        )
    }

    #[test]
    fn the_fingerprint_changes_with_the_agents_fields_and_time_only() {
        let ours = |second, fields| ("tidegate", "Apply", "", second, fields);
        let all = json!({"f:spec": {"f:replicas": {}, "f:image": {}}});
        let base = read(&[ours(5, all.clone())]).fingerprint;
        assert!(base.is_some());
        let foreign = ("kubectl", "Update", "", 9, json!({"f:metadata": {}}));
        assert_eq!(read(&[foreign, ours(5, all.clone())]).fingerprint, base);
        assert_ne!(
            read(&[ours(5, json!({"f:spec": {"f:replicas": {}}}))]).fingerprint,
            base
        );
        assert_ne!(read(&[ours(6, all.clone())]).fingerprint, base);
    }

    #[test]
    fn an_update_or_a_status_under_the_agents_name_is_not_its_entry() {
        let fields = json!({"f:spec": {}});
        assert_eq!(read(&[("tidegate", "Update", "", 1, fields.clone())]).fingerprint, None);
        assert_eq!(read(&[("tidegate", "Apply", "status", 1, fields)]).fingerprint, None);
        assert_eq!(read(&[]), Ownership::default());
    }

    #[test]
    fn what_the_last_writer_took_from_the_agent_is_known() {
        let ownership = read(&[
            ("kubectl", "Update", "", 2, json!({"f:data": {"f:old": {}}})),
            (
                "tidegate",
                "Apply",
                "",
                1,
                json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}),
            ),
            (
                "kube-controller-manager",
                "Update",
                "scale",
                3,
                json!({"f:spec": {"f:replicas": {}, "f:other": {}}}),
            ),
        ]);
        assert!(ownership.owns_replicas);
        assert_eq!(ownership.last_writer.as_deref(), Some("kube-controller-manager"));
        assert_eq!(ownership.last_written, [["f:spec", "f:other"]]);
    }

    #[test]
    fn the_last_writer_is_the_latest_other_manager_that_wrote_the_object_itself() {
        let fields = json!({});
        let ownership = read(&[
            ("helm", "Update", "", 3, fields.clone()),
            ("kubectl-set", "Update", "", 8, fields.clone()),
            ("kube-controller-manager", "Update", "status", 9, fields.clone()),
            ("tidegate", "Apply", "", 10, fields),
        ]);
        assert_eq!(ownership.last_writer.as_deref(), Some("kubectl-set"));
    }
}
