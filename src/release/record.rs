//! The text of a revision in Helm's storage: JSON, packed by gzip, in base64.

use super::revision::RevisionStatus;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::Value;
use std::io::{Read as _, Write as _};

/// The most bytes of a revision's text. A Secret holds 1 MiB, which gzip made of it.
const MOST: u64 = 64 << 20;
/// What every packed text begins with.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Why the text of a revision cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not base64.
    #[error("the revision in Helm's storage is not base64")]
    Encoding,
    /// It cannot be unpacked, or is too large.
    #[error("the revision in Helm's storage cannot be unpacked")]
    Packing,
    /// It is not the JSON of a release.
    #[error("the revision in Helm's storage is not the JSON of a release")]
    Json,
}

/// The text of the same revision, marked as failed. `reason` is shown by `helm history`.
///
/// # Errors
/// The text is not one of Helm's.
pub fn mark_failed(text: &[u8], reason: &str) -> Result<Vec<u8>, RecordError> {
    let mut release: Value = serde_json::from_slice(&unpack(text)?).map_err(|_| RecordError::Json)?;
    let info = release
        .get_mut("info")
        .and_then(Value::as_object_mut)
        .ok_or(RecordError::Json)?;
    info.insert("status".to_owned(), RevisionStatus::Failed.as_str().into());
    info.insert("description".to_owned(), reason.into());
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let written = packed.write_all(release.to_string().as_bytes());
    written.map_err(|_| RecordError::Packing)?;
    let packed = packed.finish().map_err(|_| RecordError::Packing)?;
    Ok(BASE64_STANDARD.encode(packed).into_bytes())
}

/// The manifests of a revision's objects, as helm rendered them: YAML with one document for each object. Hooks are not among them.
///
/// # Errors
/// The text is not one of Helm's.
pub fn manifests(text: &[u8]) -> Result<String, RecordError> {
    #[derive(Deserialize)]
    struct Record {
        manifest: Option<String>,
    }
    let record: Record = serde_json::from_slice(&unpack(text)?).map_err(|_| RecordError::Json)?;
    record.manifest.ok_or(RecordError::Json)
}

fn unpack(text: &[u8]) -> Result<Vec<u8>, RecordError> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| RecordError::Encoding)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut json = Vec::new();
    let read = GzDecoder::new(bytes.as_slice()).take(MOST).read_to_end(&mut json);
    read.map_err(|_| RecordError::Packing)?;
    Ok(json)
}
