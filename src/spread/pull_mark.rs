use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The label of the Secrets and ServiceAccounts that hold something of an agent; the value is the agent's set.
pub const PULL_SECRET_LABEL: &str = "tidegate.dev/pull-secret";
/// The annotation with the mark.
pub const PULL_SECRET_ANNOTATION: &str = "tidegate.dev/pull-secret-logins";

/// Whose a mark is: the agent's set, and the Secret that it stands on.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The agent's set.
    pub set: &'a str,
    /// The namespace of the Secret.
    pub namespace: &'a str,
    /// The name of the Secret.
    pub name: &'a str,
}

/// From when to when a login is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the registry made the login.
    pub made: Timestamp,
    /// When a newer login takes its place.
    pub renew: Timestamp,
    /// When the registry no longer takes the login.
    pub expires: Timestamp,
}

impl Times {
    /// The times of a login that was made at `made`: it is renewed after half of its life.
    pub fn of(made: Timestamp, expires: Timestamp) -> Self {
        let life = made.duration_until(expires).max(SignedDuration::ZERO);
        Self {
            made,
            renew: made.saturating_add(life / 2).unwrap_or(made),
            expires,
        }
    }
}

/// The logins of the agent in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The proof that the agent made the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<String>,
    /// By the keys of `auths`.
    #[serde(default)]
    pub(super) logins: BTreeMap<String, MarkedLogin>,
}

impl Mark {
    /// The mark of a Secret that the agent makes.
    pub(super) fn of_new(owner: Owner<'_>) -> Self {
        Self {
            made: Some(proof_of_making(owner)),
            ..Self::default()
        }
    }

    /// A mark without logins, of a Secret that was made by the same.
    pub(super) fn without_logins(&self) -> Self {
        Self {
            made: self.made.clone(),
            ..Self::default()
        }
    }

    /// Whether the agent made the Secret, and made it here.
    pub(super) fn is_made_by(&self, owner: Owner<'_>) -> bool {
        self.made.as_ref() == Some(&proof_of_making(owner))
    }
}

/// A login of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MarkedLogin {
    /// With which identity, and where, the login was made.
    pub(super) by: String,
    #[serde(flatten)]
    pub(super) times: Times,
    /// A hash over all of this, the owner, and the login's bytes.
    proof: String,
}

impl MarkedLogin {
    pub(super) fn new(owner: Owner<'_>, key: &str, by: &str, times: Times, login: &str) -> Self {
        Self {
            by: by.to_owned(),
            times,
            proof: proof(owner, key, by, times, login),
        }
    }

    /// Whether the mark was made for these bytes, in this Secret.
    pub(super) fn is_proved(&self, owner: Owner<'_>, key: &str, login: &str) -> bool {
        self.proof == proof(owner, key, &self.by, self.times, login)
    }
}

fn proof(owner: Owner<'_>, key: &str, by: &str, times: Times, login: &str) -> String {
    let Times { made, renew, expires } = times;
    hash_of(owner, &[key, by, &format!("{made} {renew} {expires}"), login])
}

fn proof_of_making(owner: Owner<'_>) -> String {
    hash_of(owner, &["made"])
}

fn hash_of(owner: Owner<'_>, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in [owner.set, owner.namespace, owner.name].iter().chain(parts) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// The mark among these annotations. What cannot be read is no mark.
pub(super) fn read(annotations: &BTreeMap<String, String>) -> Mark {
    let text = annotations.get(PULL_SECRET_ANNOTATION);
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

pub(super) fn text(mark: &Mark) -> String {
    serde_json::to_string(mark).expect("a mark is JSON")
}
