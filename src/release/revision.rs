use super::digest::{InputDigest, InputLabel, LABEL};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

/// The type of the Secrets in which Helm keeps revisions.
const SECRET_TYPE: &str = "helm.sh/release.v1";

/// Whether a Secret of this type is a revision of Helm.
pub fn is_release_secret(kind: &str) -> bool {
    kind == SECRET_TYPE
}

/// The status of a revision, in Helm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionStatus {
    /// In force.
    Deployed,
    /// Replaced by a later revision.
    Superseded,
    /// Its install, upgrade or rollback failed.
    Failed,
    /// An install is under way, or was cut off.
    PendingInstall,
    /// An upgrade is under way, or was cut off.
    PendingUpgrade,
    /// A rollback is under way, or was cut off.
    PendingRollback,
    /// An uninstall is under way, or was cut off.
    Uninstalling,
    /// Uninstalled, with its history kept.
    Uninstalled,
    /// A status of another Helm.
    Unknown,
}

const WORDS: [(RevisionStatus, &str); 9] = [
    (RevisionStatus::Deployed, "deployed"),
    (RevisionStatus::Superseded, "superseded"),
    (RevisionStatus::Failed, "failed"),
    (RevisionStatus::PendingInstall, "pending-install"),
    (RevisionStatus::PendingUpgrade, "pending-upgrade"),
    (RevisionStatus::PendingRollback, "pending-rollback"),
    (RevisionStatus::Uninstalling, "uninstalling"),
    (RevisionStatus::Uninstalled, "uninstalled"),
    (RevisionStatus::Unknown, "unknown"),
];

impl RevisionStatus {
    /// Reads Helm's word.
    pub fn parse(text: &str) -> Self {
        let found = WORDS.iter().find(|(_, word)| *word == text);
        found.map_or(Self::Unknown, |(status, _)| *status)
    }

    /// Helm's word.
    pub fn as_str(self) -> &'static str {
        let found = WORDS.iter().find(|(status, _)| *status == self);
        found.map_or("unknown", |(_, word)| word)
    }

    /// Whether an operation is under way, or was cut off. Helm refuses to work on a status that it does not know, too.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback | Self::Uninstalling | Self::Unknown
        )
    }
}

impl fmt::Display for RevisionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A revision of a release in Helm's storage, by the labels of its Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The number.
    pub number: u32,
    /// The status.
    pub status: RevisionStatus,
    /// When the revision was made or changed last.
    pub changed: Option<Timestamp>,
    /// What the revision was made of; `None` if somebody else made it.
    pub inputs: Option<InputDigest>,
}

impl Revision {
    /// Reads the labels of a Secret of Helm: the name of the release, and the revision. `None` if they are not Helm's.
    pub fn read(labels: &BTreeMap<String, String>) -> Option<(String, Self)> {
        let get = |key: &str| labels.get(key).map(String::as_str);
        if get("owner") != Some("helm") {
            return None;
        }
        let number = get("version")?.parse().ok()?;
        let time = |key: &str| Timestamp::from_second(get(key)?.parse().ok()?).ok();
        let label = get(LABEL).and_then(InputLabel::parse);
        let revision = Self {
            number,
            status: RevisionStatus::parse(get("status")?),
            changed: time("modifiedAt").max(time("createdAt")),
            inputs: label.filter(|label| label.revision == number).map(|label| label.inputs),
        };
        Some((get("name")?.to_owned(), revision))
    }
}
