use super::CommitId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The beginning of a commit id, as people name a commit: 7 to 40 hexadecimal digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitPrefix(String);

impl CommitPrefix {
    /// Whether the commit's id begins with this.
    pub fn names(&self, commit: CommitId) -> bool {
        commit.to_string().starts_with(&self.0)
    }
}

impl fmt::Display for CommitPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommitPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_id = (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_id {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err("expected 7 to 40 hexadecimal digits".to_owned()),
        }
    }
}

impl TryFrom<String> for CommitPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CommitPrefix> for String {
    fn from(prefix: CommitPrefix) -> Self {
        prefix.0
    }
}
