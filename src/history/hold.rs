use super::bump::{Bump, Resume};
use super::mark::Mark;
use super::transition::Transition;
use crate::model::{CommitId, Digest, FieldId, HoldUntil, Tag};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// One commit, as far as holds go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The commit.
    pub commit: CommitId,
    /// Its parents, first parent first. What stands before the oldest step needs none.
    pub parents: Vec<CommitId>,
    /// Its author, `Name <address>`.
    pub author: String,
    /// Committer time; where the reader knows when it first saw the commit, the earlier of the two.
    pub committed_at: Timestamp,
    /// The bumps that its trailers record.
    pub ours: Vec<Bump>,
    /// What its trailers lift.
    pub resumes: Vec<Resume>,
    /// How image fields changed from its first parent to it, in any file.
    pub transitions: Vec<Transition>,
    /// The same from each further parent of a merge.
    pub merged: Vec<Vec<Transition>>,
}

/// A tag that somebody took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The tag.
    pub tag: Tag,
    /// The digest that we wrote behind it, where we did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The image's name when we set it.
    pub image: String,
    /// The commit that moved the field away from it.
    pub commit: CommitId,
    /// Whose commit that is.
    pub author: String,
    /// When, by the commit's time; never before our own last bump before it.
    pub at: Timestamp,
}

/// What keeps an image field from being bumped: at least one rejected tag, in the order of rejection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The rejected tags, the latest last.
    pub rejected: Vec<Rejected>,
}

/// What can lift a hold, for those who are told of it.
#[derive(Debug, Clone, Copy)]
pub struct Remedy<'a> {
    /// The held field.
    pub field: &'a FieldId,
    /// Whether something newer does.
    pub until: HoldUntil,
    /// Further arguments that `tidegate resume` needs to find the repository, with a blank before; mostly none.
    pub place: &'a str,
}

/// A tag that a policy would move a held field to, with what is needed to judge it.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    /// The tag.
    pub tag: &'a Tag,
    /// The digest that would be written behind it, if one would.
    pub digest: Option<&'a Digest>,
    /// When it was pushed, where known.
    pub pushed_at: Option<Timestamp>,
    /// When what was rejected was pushed, where it is still listed and the registry tells.
    pub pushed_at_of: &'a dyn Fn(&Rejected) -> Option<Timestamp>,
    /// Whether the offered tag comes after another by the policy's own order; asked only where push times are unknown.
    pub comes_after: &'a dyn Fn(&Tag) -> bool,
    /// The time now: a commit cannot have been made later.
    pub now: Timestamp,
    /// What lifts the hold.
    pub remedy: Remedy<'a>,
}

impl Hold {
    /// The part of the hold that concerns a field as it stands: rejections of another image, and of the very tag (and
    /// digest) that the file has now, keep nobody from anything. `None` if nothing is left.
    pub fn concerning(&self, image: &str, current: &Mark) -> Option<Self> {
        let rejected: Vec<Rejected> = self
            .rejected
            .iter()
            .filter(|rejected| rejected.image == image && rejected.mark().is_left_by(current))
            .cloned()
            .collect();
        (!rejected.is_empty()).then_some(Self { rejected })
    }

    /// Whether the field may move to a tag: it is not rejected, and was pushed after each rejected tag and after the
    /// commit that took that one back. Without push times it must come after each rejected tag by the policy's order.
    /// Where holds end by people's word only, it may not.
    ///
    /// # Errors
    /// One sentence: which tag was taken back, in which commit, by whom, and what lifts it.
    pub fn allows(&self, offer: &Offer<'_>) -> Result<(), String> {
        for rejected in &self.rejected {
            let same = rejected.tag == *offer.tag;
            if same && (rejected.digest.is_none() || rejected.digest.as_ref() == offer.digest) {
                return Err(format!("held: {rejected}; {}", Lifting(rejected, offer.remedy)));
            }
            if offer.remedy.until == HoldUntil::Resumed {
                return Err(format!(
                    "held until resumed: {rejected}; {}",
                    Lifting(rejected, offer.remedy)
                ));
            }
            let since = rejected.at.min(offer.now);
            match offer.pushed_at {
                Some(pushed_at) => {
                    let bar = (offer.pushed_at_of)(rejected).map_or(since, |pushed| pushed.max(since));
                    if pushed_at <= bar {
                        return Err(format!(
                            "held: its image was pushed {pushed_at}, not after {bar} (a new tag on an image keeps the time of \
                             its first push), and {rejected}; {}",
                            Lifting(rejected, offer.remedy)
                        ));
                    }
                }
                None => {
                    if !(offer.comes_after)(&rejected.tag) {
                        return Err(format!(
                            "held: its push time is not known, it does not come after {} by name, and {rejected}; {}",
                            rejected.tag,
                            Lifting(rejected, offer.remedy)
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole hold in one sentence, without a full stop.
    pub fn reason(&self, remedy: Remedy<'_>) -> String {
        let Some((last, before)) = self.rejected.split_last() else {
            return "nothing is held".to_owned();
        };
        let before = match before {
            [] => String::new(),
            before => {
                let marks: Vec<String> = before.iter().map(|rejected| rejected.mark().to_string()).collect();
                format!(" (and before it {})", marks.join(", "))
            }
        };
        format!("{last}{before}; {}", Lifting(last, remedy))
    }
}

impl Rejected {
    /// What the file said.
    pub fn mark(&self) -> Mark {
        Mark {
            tag: Some(self.tag.clone()),
            digest: self.digest.clone(),
        }
    }
}

/// `1.2.3 was taken back in 0123abc by Jo <jo@acme.example>`.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let author: String = self.author.chars().filter(|c| !c.is_control()).take(100).collect();
        write!(
            f,
            "{} was taken back in {} by {author}",
            self.mark(),
            self.commit.short()
        )
    }
}

struct Lifting<'a>(&'a Rejected, Remedy<'a>);

impl fmt::Display for Lifting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1.until == HoldUntil::Newer {
            f.write_str("a tag pushed later, ")?;
        }
        write!(
            f,
            "a revert of {} or `{}` lifts it",
            self.0.commit.short(),
            self.1.command()
        )
    }
}

impl Remedy<'_> {
    /// The command that lifts the hold of this field and no other, to be copied into a shell:
    /// `tidegate resume deployment/web -n shop --field web`.
    pub fn command(&self) -> String {
        let object = &self.field.object;
        let named = word(&format!("{}/{}", object.kind.to_lowercase(), object.name));
        let namespace = object
            .namespace
            .as_ref()
            .map_or(String::new(), |name| format!(" -n {}", word(name)));
        let field = word(&self.field.field.0);
        format!("tidegate resume {named}{namespace} --field {field}{}", self.place)
    }
}

/// A word of a POSIX shell's command line. What no terminal should be sent is left out.
pub fn word(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+,=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
