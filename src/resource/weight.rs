//! How much memory values take.

use serde_json::Value;

/// The bytes of a node of a map, and how many entries a node has on average. Source: `BTreeMap`, with 6 to 11 entries in a node.
const MAP_NODE: usize = 640;
const MAP_ENTRIES: usize = 8;
/// The bytes of an allocation besides its content.
pub(crate) const ALLOCATION: usize = 16;

/// The bytes that a value takes on the heap. Values are at most as deep as the parser lets them be.
pub(crate) fn value_weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len() + ALLOCATION,
        Value::Array(items) => {
            let own = items.len() * size_of::<Value>() + ALLOCATION;
            own + items.iter().map(value_weight).sum::<usize>()
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| key.len() + ALLOCATION + value_weight(value);
            entries.len().div_ceil(MAP_ENTRIES) * MAP_NODE + entries.iter().map(entry).sum::<usize>()
        }
    }
}
