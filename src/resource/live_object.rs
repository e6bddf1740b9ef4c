use super::field_pattern::FieldPattern;
use super::takeover::owns;
use serde_json::Value;
use std::collections::BTreeMap;

/// The metadata of a live object that the agent has not applied yet, by its record.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LiveObject {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The managers of its fields, without those of its status. The last writer comes first.
    pub managers: Vec<String>,
    /// Its `managedFields`, as the server sent them.
    pub entries: Vec<Value>,
    /// Whether it has a `managedFields` entry of the agent that is not older than the object.
    pub was_applied: bool,
}

impl LiveObject {
    /// Whether the agent owns this field.
    pub fn owns(&self, path: &FieldPattern) -> bool {
        owns(&self.entries, path)
    }
}
