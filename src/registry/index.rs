use crate::policy::Platform;
use serde::Deserialize;

/// Media types of what lists an image's platforms: OCI image index, Docker manifest list.
pub(super) const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Longest manifest that is read; ECR takes 4 MiB at most.
const LONGEST: usize = 4 << 20;

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    platform: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// The platforms that an image index names; `None` where it leaves one open, or the text is no index. What BuildKit
/// attests is listed beside the images for the platform `unknown/unknown`.
pub(super) fn platforms(manifest: &str) -> Option<Vec<Platform>> {
    if manifest.len() > LONGEST {
        return None;
    }
    let entries = serde_json::from_str::<Index>(manifest).ok()?.manifests?;
    let named: Option<Vec<Named>> = entries.into_iter().map(|entry| entry.platform).collect();
    let known = named?
        .into_iter()
        .filter(|named| named.os != "unknown" && named.architecture != "unknown");
    known
        .map(|named| {
            let variant = Some(named.variant.as_str()).filter(|variant| !variant.is_empty());
            Platform::new(&named.os, &named.architecture, variant)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_its_platforms_and_other_texts_none() {
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
        ];
        for (manifest, want) in rows {
            let told = platforms(manifest).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(told.as_deref(), want, "{manifest}");
        }
    }
}
