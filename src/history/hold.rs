use super::image_version::ImageVersion;
use super::rejected::Rejected;
use super::remedy::{Lifting, Remedy};
use crate::model::{Digest, HoldUntil, ImageRef, Tag};
use jiff::Timestamp;
use serde::Serialize;

/// What keeps an image field from being bumped: at least one rejected tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The rejected tags in the order of rejection, the latest last.
    pub rejected: Vec<Rejected>,
}

/// A tag that a policy would move a held field to, with what [`Hold::allows`] needs to judge the move.
#[derive(Clone, Copy)]
pub struct HoldCheck<'a> {
    /// The tag.
    pub tag: &'a Tag,
    /// The digest that the bump would write behind the tag, if any.
    pub digest: Option<&'a Digest>,
    /// When the tag was pushed, where known.
    pub pushed_at: Option<Timestamp>,
    /// When a rejected image was pushed, if it is still listed and the registry reports push times.
    pub pushed_at_of: &'a dyn Fn(&Rejected) -> Option<Timestamp>,
    /// Whether the tag comes after a rejected tag in the policy's order. Called only where push times are unknown.
    pub comes_after: &'a dyn Fn(&Tag) -> bool,
    /// The time of the pass. A commit cannot have been made later.
    pub now: Timestamp,
    /// What lifts the hold.
    pub remedy: Remedy<'a>,
}

impl Hold {
    /// The rejections that matter to a field with the image `current`, if bumps would write the name `image`. A rejection of
    /// another image does not matter, and neither does a rejection of what the file has now. `None` if nothing is left.
    pub fn concerning(&self, image: &str, current: &ImageRef) -> Option<Self> {
        let rejected: Vec<Rejected> = self
            .rejected
            .iter()
            .filter(|rejected| rejected.image == image && rejected.is_left_by(current))
            .cloned()
            .collect();
        (!rejected.is_empty()).then_some(Self { rejected })
    }

    /// The rejections that hold the field back: those of [`concerning`](Self::concerning) that no later bump of ours has moved
    /// the field past. `None` if nothing is left: then the field counts as not held, in every list and number.
    pub fn active(&self, image: &str, current: &ImageRef) -> Option<Self> {
        let mut concerning = self.concerning(image, current)?;
        let version = ImageVersion::of(current);
        concerning.rejected.retain(|rejected| !rejected.is_passed(&version));
        (!concerning.rejected.is_empty()).then_some(concerning)
    }

    /// Whether the field may move to a tag. The tag must not be rejected. It must have been pushed after each rejected image
    /// and after the commit that took that image back. Where push times are unknown, it must come after each rejected tag in
    /// the policy's order. With [`HoldUntil::Resumed`] the field may not move at all.
    ///
    /// # Errors
    /// One sentence: which tag was taken back, in which commit, by whom, and what lifts the hold.
    pub fn allows(&self, check: &HoldCheck<'_>) -> Result<(), String> {
        self.rejected.iter().try_for_each(|rejected| check.against(rejected))
    }

    /// The whole hold in one sentence, without a full stop.
    pub fn reason(&self, remedy: Remedy<'_>) -> String {
        let Some((last, before)) = self.rejected.split_last() else {
            return "nothing is held".to_owned();
        };
        let before = match before {
            [] => String::new(),
            before => {
                let versions: Vec<String> = before.iter().map(|rejected| rejected.version().to_string()).collect();
                format!(" (and before it {})", versions.join(", "))
            }
        };
        format!("{last}{before}; {}", Lifting(last, remedy))
    }
}

impl HoldCheck<'_> {
    /// Whether this one rejection lets the tag pass.
    fn against(&self, rejected: &Rejected) -> Result<(), String> {
        let lifting = Lifting(rejected, self.remedy);
        let same = rejected.tag == *self.tag;
        if same && (rejected.digest.is_none() || rejected.digest.as_ref() == self.digest) {
            return Err(format!("held: {rejected}; {lifting}"));
        }
        if self.remedy.until == HoldUntil::Resumed {
            return Err(format!("held until resumed: {rejected}; {lifting}"));
        }
        let since = rejected.at.min(self.now);
        match self.pushed_at {
            Some(pushed_at) => {
                let bar = (self.pushed_at_of)(rejected).map_or(since, |pushed| pushed.max(since));
                if pushed_at <= bar {
                    return Err(format!(
                        "held: its image was pushed {pushed_at}, not after {bar} (a new tag on an image keeps the time of \
                         its first push), and {rejected}; {lifting}"
                    ));
                }
            }
            None => {
                if !(self.comes_after)(&rejected.tag) {
                    return Err(format!(
                        "held: its push time is not known, it does not come after {} by name, and {rejected}; {lifting}",
                        rejected.tag
                    ));
                }
            }
        }
        Ok(())
    }
}
