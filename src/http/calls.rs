use crate::model::{Author, CommitPrefix, Tag};
use serde::{Deserialize, Serialize};

/// A question about the config repo: what the agent would do, or what is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Question {
    /// The digest of the configuration that the caller means. An agent with another configuration does not answer. `None`:
    /// the agent's own, whatever it is.
    pub configuration: Option<String>,
}

/// The holds to lift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiftCall {
    /// As in [`Question`].
    pub configuration: Option<String>,
    /// The author of the commit; `None`: the author of the agent's commits.
    pub author: Option<Author>,
    /// Whether the holds of all objects are meant. `objects` is empty then.
    pub all: bool,
    /// The objects.
    pub objects: Vec<NamedObject>,
    /// The namespace of objects whose own name has none.
    pub namespace: Option<String>,
    /// The field within the objects; `None`: all.
    pub field: Option<String>,
    /// The tag that was taken back; `None`: all.
    pub tag: Option<Tag>,
}

/// An object, as people name one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedObject {
    /// The namespace, if the object is named with one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The kind in the singular, in any case of letters.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl LiftCall {
    /// Why the call is not clear: a call that names no object lifts nothing by mistake.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        match (self.all, self.objects.is_empty()) {
            (false, true) => Some("name objects, or set all to true"),
            (true, false) => Some("all and objects exclude each other"),
            _ => None,
        }
    }
}

/// The deletions to confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmCall {
    /// As in [`Question`].
    #[serde(default)]
    pub configuration: Option<String>,
    /// The author of the commit; `None`: the author of the agent's commits.
    #[serde(default)]
    pub author: Option<Author>,
    /// The commit whose deletions wait.
    pub commit: CommitPrefix,
}

/// The commit to compare the cluster with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiffCall {
    /// As in [`Question`].
    pub configuration: Option<String>,
    /// The commit; `None`: the head of the branch.
    pub commit: Option<CommitPrefix>,
}

/// The object whose images are asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhyCall {
    /// As in [`Question`].
    #[serde(default)]
    pub configuration: Option<String>,
    /// The object.
    pub object: NamedObject,
    /// How many tags of each field the text shows at most; 0: all.
    #[serde(default)]
    pub tags: usize,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For programs: the JSON that the command prints with `-o json`.
    pub answer: serde_json::Value,
}
