use super::candidate::Candidate;
use super::parse::Policy;
use crate::model::{Digest, Tag};
use jiff::Timestamp;

/// What is asked about one image field.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The field's policy.
    pub policy: &'a Policy,
    /// The tag in the file.
    pub current: Option<&'a Tag>,
    /// The digest in the file. Only a policy that writes digests moves a field with a digest.
    pub digest: Option<&'a Digest>,
    /// When the current tag was written into the file, where known. It counts where the registry does not report when the
    /// current tag was pushed.
    pub current_since: Option<Timestamp>,
    /// *All* tags of the repository, from one complete listing.
    pub candidates: &'a [Candidate],
    /// Whether a person typed the candidates. A missing push time or digest then means that the person left it out,
    /// and not that the registry does not know it. A rule that needs the missing value decides in favour of the tag, except the
    /// rule whether the tag is newer than the current tag.
    pub typed: bool,
    /// Whether the image also gets another name, so that the candidates are those of another repository than the file names.
    /// Then the current tag may be chosen: it is written under the new name.
    pub is_renamed: bool,
    /// Whether the include and exclude globs let a tag in; the reason if not.
    pub included: &'a dyn Fn(&Tag) -> Result<(), String>,
    /// Whether no hold refuses a tag; the reason if one does. Called for tags that are eligible otherwise.
    pub free: &'a dyn Fn(&Candidate) -> Result<(), String>,
}

impl<'a> Question<'a> {
    /// A question without globs and holds.
    pub fn new(policy: &'a Policy, current: Option<&'a Tag>, candidates: &'a [Candidate]) -> Self {
        Self {
            policy,
            current,
            digest: None,
            current_since: None,
            candidates,
            typed: false,
            is_renamed: false,
            included: &|_| Ok(()),
            free: &|_| Ok(()),
        }
    }
}
