use super::shown::is_plain;
use serde_json::Value;
use tidegate::registry::list_platforms;

/// The longest name of a platform.
const LONGEST: usize = 200;

/// The input is an image index of the OCI or Docker format. Properties: the platforms are those of a reading of the whole
/// document, in order; their names are plain and short.
pub fn image_index(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(platforms) = list_platforms(text) else { return };
    // What the index does not need may be what only a strict reading refuses: a number or a letter out of range.
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let entries = document["manifests"].as_array().expect("an index lists manifests");
    let names = entries.iter().filter_map(|entry| {
        let part = |key: &str| entry["platform"][key].as_str().unwrap_or_default();
        let (os, architecture, variant) = (part("os"), part("architecture"), part("variant"));
        let is_attestation = os == "unknown" || architecture == "unknown";
        let slash = if variant.is_empty() { "" } else { "/" };
        (!is_attestation).then(|| format!("{os}/{architecture}{slash}{variant}").to_ascii_lowercase())
    });
    let found: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    assert_eq!(found, names.collect::<Vec<_>>());
    assert!(found.iter().all(|name| is_plain(name, LONGEST)), "{found:?}");
}
