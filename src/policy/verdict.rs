use super::candidate::Choice;
use crate::model::Tag;
use serde::Serialize;
use std::fmt;

/// Whether a tag may be moved to, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eligibility {
    /// The field may move to the tag.
    Eligible,
    /// The tag is the current one, and nothing about it has to be written.
    Current,
    /// The policy matches the tag, but the image is the current one or an older one.
    NotNewer,
    /// The policy matches the tag, but nothing says whether the image is newer than the current one.
    Unordered,
    /// The policy matches the tag and the image is newer, but a hold refuses it.
    Held,
    /// The policy does not match the tag.
    Unmatched,
    /// The include and exclude globs keep the tag out.
    Excluded,
    /// The tag is not an image, or the image cannot be pulled or does not run on the required platforms.
    Unusable,
}

/// In a word or two, for people.
impl fmt::Display for Eligibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eligible => "eligible",
            Self::Current => "current",
            Self::NotNewer => "not newer",
            Self::Unordered => "unordered",
            Self::Held => "held",
            Self::Unmatched => "no match",
            Self::Excluded => "excluded",
            Self::Unusable => "unusable",
        })
    }
}

/// The decision about one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The tag.
    pub tag: Tag,
    /// Whether the field may move to the tag.
    pub eligible: bool,
    /// The kind of the decision.
    #[serde(rename = "standing")]
    pub eligibility: Eligibility,
    /// The reason of the decision in a few words.
    pub reason: String,
}

/// What a policy chooses among the tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The tag to move to: the first eligible one. `None`: the field stays.
    pub selected: Option<Choice>,
    /// The first tag that the policy matches, whatever the current tag and the holds are.
    pub newest: Option<Tag>,
    /// Whether a hold refuses a tag that is eligible otherwise.
    pub is_held: bool,
    /// Whether nothing says of a matching tag whether it is newer than the current one.
    pub is_unordered: bool,
    /// Whether the choice rests on the time at which the current tag was written into the file.
    pub rests_on_since: bool,
    /// The outcome in one sentence.
    pub reason: String,
}

/// The result of applying a policy to the tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The tag to move to: the first eligible one. `None`: the field stays.
    pub selected: Option<Choice>,
    /// The first tag that the policy matches, whatever the current tag and the holds are.
    pub newest: Option<Tag>,
    /// Every tag in the policy's order, newest first.
    pub verdicts: Vec<Verdict>,
    /// The outcome in one sentence.
    pub reason: String,
}
