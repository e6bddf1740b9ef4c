use super::chart::RemoteChart;
use crate::model::{BlobId, RepoPath};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The label of a revision in Helm's storage that says what the revision was made of.
pub const LABEL: &str = "tidegate.dev/inputs";

/// A hash of the files of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartDigest([u8; 32]);

impl ChartDigest {
    /// Of the files below the chart's folder, by their paths in that folder and their contents.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a BlobId)>) -> Self {
        let mut hash = Sha256::new();
        for (path, blob) in files {
            hash.update(path.as_bytes());
            hash.update([0]);
            hash.update(blob.to_string().as_bytes());
            hash.update([0]);
        }
        Self(hash.finalize().into())
    }
}

impl ChartDigest {
    /// Of a published version.
    pub fn of_remote(chart: &RemoteChart) -> Self {
        let mut hash = Sha256::new();
        for part in ["remote", &chart.repository, &chart.name, &chart.version] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self(hash.finalize().into())
    }
}

/// A hash of what a revision is made of: the chart and the values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputDigest(String);

/// The digits of a digest. A label's value has 63 characters at most, and the number of the revision is among them.
const DIGITS: usize = 40;

impl InputDigest {
    /// Of a chart, the texts of values in their order, and the values in the HelmRelease itself.
    pub fn of<'a>(chart: &ChartDigest, texts: impl IntoIterator<Item = &'a [u8]>, values: &Value) -> Self {
        let mut hash = Sha256::new();
        hash.update(chart.0);
        for text in texts {
            hash.update(Sha256::digest(text));
        }
        // Keys are ordered, so that the text is the same for the same values.
        hash.update(Sha256::digest(values.to_string()));
        let mut text = hex::encode(hash.finalize());
        text.truncate(DIGITS);
        Self(text)
    }

    /// Reads a digest as it is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digest = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of [`LABEL`]: the digest, and the number of the revision that it was given to. Helm copies the labels of a release
/// to its next revision, whoever makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLabel {
    /// What the revision was made of.
    pub inputs: InputDigest,
    /// The revision.
    pub revision: u32,
}

impl InputLabel {
    /// Reads the value of the label.
    pub fn parse(text: &str) -> Option<Self> {
        let (inputs, revision) = text.split_once('.')?;
        Some(Self {
            inputs: InputDigest::parse(inputs)?,
            revision: revision.parse().ok()?,
        })
    }
}

impl fmt::Display for InputLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.inputs, self.revision)
    }
}

/// The path of a file below a folder, in this folder.
pub(crate) fn below<'a>(path: &'a RepoPath, folder: &RepoPath) -> &'a str {
    let rest = path.as_str().strip_prefix(folder.as_str());
    rest.map_or(path.as_str(), |rest| rest.trim_start_matches('/'))
}
