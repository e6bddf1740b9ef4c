use crate::policy::Platform;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// The longest manifest that is read, in bytes. ECR accepts at most 4 MiB.
const MAX_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Object<Entry>>>,
}

#[derive(Deserialize)]
struct Entry {
    platform: Option<Object<EntryPlatform>>,
}

#[derive(Deserialize)]
struct EntryPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// A value that is written as a JSON object. serde alone takes an array for a struct, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OfMap(PhantomData))
    }
}

/// The platforms that an image index lists. `None` if the text is not an index, or if an entry lacks its platform.
///
/// BuildKit lists its attestations in the same index, under the platform `unknown/unknown`. These entries are skipped.
pub fn list_platforms(manifest: &str) -> Option<Vec<Platform>> {
    if manifest.len() > MAX_BYTES {
        return None;
    }
    let Object(index) = serde_json::from_str::<Object<Index>>(manifest).ok()?;
    let entries = index.manifests?.into_iter();
    let listed: Option<Vec<EntryPlatform>> = entries.map(|Object(entry)| Some(entry.platform?.0)).collect();
    listed?
        .into_iter()
        .filter(|platform| platform.os != "unknown" && platform.architecture != "unknown")
        .map(|platform| {
            let variant = Some(platform.variant.as_str()).filter(|variant| !variant.is_empty());
            Platform::new(&platform.os, &platform.architecture, variant)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_index_with_all_platforms_has_platforms() {
        #[rustfmt::skip]
        let rows = [
            (r#"{"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]}"#,                              Some("linux/amd64")),
            (r#"{"manifests": [{"platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": 1}}]}"#, Some("linux/arm/v7")),
            (r#"{"manifests": [{"platform": {"os": "windows", "architecture": "amd64"}}, {"platform": {"os": "unknown", "architecture": "unknown"}}]}"#, Some("windows/amd64")),
            (r#"{"manifests": [{"platform": {"os": "unknown", "architecture": "unknown"}}]}"#,                          Some("")),
            (r#"{"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}, {"digest": "sha256:1"}]}"#,      None),
            (r#"{"manifests": [{"platform": {"os": "linux"}}]}"#,                                                       None),
            (r#"{"manifests": [{"platform": {"os": "\u001b[31m", "architecture": "amd64"}}]}"#,                         None),
            (r#"{"config": {}}"#,                                                                                       None),
            ("[",                                                                                                       None),
            ("[[]]",                                                                                                    None),
            (r#"{"manifests": [[{"os": "linux", "architecture": "amd64"}]]}"#,                                          None),
            (r#"{"manifests": [{"platform": ["linux", "amd64", ""]}]}"#,                                                None),
        ];
        for (manifest, expected) in rows {
            let listed =
                list_platforms(manifest).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(listed.as_deref(), expected, "{manifest}");
        }
    }
}
