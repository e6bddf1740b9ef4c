use serde::Serialize;

/// The version of the JSON that `/v1` answers and that the command line prints with `-o json`. A key that is added does not
/// change it; a key that goes, or changes its meaning, does.
pub const JSON_VERSION: u32 = 1;

/// A JSON answer with its version. Keys are in camel case; `object` is group, kind, namespace and name; `path` and `position`
/// (line and column, from 1) say where something stands in a file; `image` is a whole reference.
#[derive(Debug, Serialize)]
pub struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    value: T,
}

impl<T: Serialize> Versioned<T> {
    /// Adds the version to a struct or a map.
    pub fn new(value: T) -> Self {
        Self {
            version: JSON_VERSION,
            value,
        }
    }
}
