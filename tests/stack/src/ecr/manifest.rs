//! Image manifests: what the registry reads in them, and small ones made for a push without content.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answer::{Failure, codes};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The layer size that made-up manifests declare.
const LAYER_BYTES: u64 = 7_340_032;

/// What a manifest's text says about the image.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) media_type: String,
    pub(super) artifact_type: Option<String>,
    /// Config and layers; for an index 0, since its size is that of its largest child.
    pub(super) size: u64,
    /// Digests that an index refers to.
    pub(super) children: Vec<String>,
    pub(super) subject: Option<String>,
}

/// A manifest made for a push without content, with its config blob.
#[derive(Debug)]
pub(super) struct MadeUp {
    pub(super) manifest: String,
    pub(super) config: String,
}

/// `sha256:` and 64 hexadecimal digits over the bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Reads a manifest; `declared` is the media type that came with it, which the text may leave out.
pub(super) fn parse(text: &str, declared: Option<&str>) -> Result<Parsed, Failure> {
    let malformed = || Failure::invalid("ImageManifest", "Invalid JSON syntax");
    let value: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    if !value.is_object() {
        return Err(malformed());
    }
    let media_type = declared
        .or_else(|| value["mediaType"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| {
            let message = "image manifest mediatype not provided in manifest or parameter";
            Failure::new(codes::INVALID_PARAMETER, message)
        })?;
    let children = array(&value["manifests"])
        .filter_map(|child| child["digest"].as_str())
        .map(str::to_owned)
        .collect();
    let config = value["config"]["size"].as_u64().unwrap_or_default();
    let layers: u64 = array(&value["layers"]).filter_map(|layer| layer["size"].as_u64()).sum();
    Ok(Parsed {
        media_type,
        artifact_type: [&value["artifactType"], &value["config"]["mediaType"]]
            .into_iter()
            .find_map(Value::as_str)
            .map(str::to_owned),
        size: config + layers,
        children,
        subject: value["subject"]["digest"].as_str().map(str::to_owned),
    })
}

/// A manifest that no other push has: `serial` is unique in its server.
pub(super) fn make_up(repository: &str, tag: &str, pushed_at: f64, serial: u64) -> MadeUp {
    let created = jiff::Timestamp::from_millisecond((pushed_at * 1000.0) as i64).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let layer = digest_of(format!("{repository}#{serial}").as_bytes());
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": created.to_string(),
        "config": { "Labels": { "org.opencontainers.image.revision": tag, "stand-in.serial": serial.to_string() } },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": { "mediaType": OCI_CONFIG, "digest": digest_of(config.as_bytes()), "size": config.len() },
        "layers": [{ "mediaType": OCI_LAYER, "digest": layer, "size": LAYER_BYTES }],
    })
    .to_string();
    MadeUp { manifest, config }
}

/// The media type that a client which pushes this text would send with it.
pub(super) fn media_type_of(text: &str) -> Option<&'static str> {
    let value: Value = serde_json::from_str(text).ok()?;
    match (value["mediaType"].is_null(), value["manifests"].is_array()) {
        (false, _) => None,
        (true, true) => Some(OCI_INDEX),
        (true, false) => Some(OCI_MANIFEST),
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
