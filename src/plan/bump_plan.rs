use super::group::GroupMove;
use crate::history::{Bump, Hold};
use crate::model::{Digest, FieldId, ImageRef, Position, RepoPath, Repository, Tag};
use crate::policy::Policy;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bumps of one pass, and a decision with its reason for every automated field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BumpPlan {
    /// The bumps to make, ordered by path and position.
    pub bumps: Vec<PlannedBump>,
    /// One decision for each automated field, ordered by path and position. A decision that did not change is shared with the
    /// plan before.
    #[serde(serialize_with = "as_list")]
    pub decisions: Vec<Arc<Decision>>,
}

impl BumpPlan {
    /// Removes the bumps for which `why` gives a reason to wait. Their decisions become [`Outcome::Unknown`] with the reason.
    pub fn postpone(&mut self, why: impl FnMut(&PlannedBump) -> Option<String>) {
        self.withhold(Outcome::Unknown, why);
    }

    /// Removes the bumps for which `why` gives a reason. Their decisions become `outcome` with the reason.
    ///
    /// The bumps of a group go together: where one is removed, the others of its group are removed, and wait for it.
    pub fn withhold(&mut self, outcome: Outcome, mut why: impl FnMut(&PlannedBump) -> Option<String>) {
        let mut incomplete: BTreeMap<String, String> = BTreeMap::new();
        self.remove(outcome, |bump| {
            let reason = why(bump)?;
            if let Some(group) = &bump.group {
                let because = || format!("{} (group {}): {reason}", bump.field, group.name);
                incomplete.entry(group.name.clone()).or_insert_with(because);
            }
            Some(reason)
        });
        if incomplete.is_empty() {
            return;
        }
        let outcome = outcome.of_those_who_wait();
        self.remove(outcome, |bump| {
            let because = incomplete.get(&bump.group.as_ref()?.name)?;
            Some(format!("{} waits for {because}", bump.to))
        });
    }

    /// Sets the decision about a field.
    pub fn decide(
        &mut self,
        (path, position, field): (&RepoPath, Position, &FieldId),
        outcome: Outcome,
        reason: String,
    ) {
        let own = (path, position, field);
        let decisions = &mut self.decisions;
        let place =
            decisions.binary_search_by(|decision| (&decision.path, decision.position, &decision.field).cmp(&own));
        if let Ok(place) = place {
            let decision = Arc::make_mut(&mut decisions[place]);
            (decision.outcome, decision.reason) = (outcome, reason);
        }
    }

    fn remove(&mut self, outcome: Outcome, mut why: impl FnMut(&PlannedBump) -> Option<String>) {
        let mut bumps = std::mem::take(&mut self.bumps);
        bumps.retain(|bump| {
            let Some(reason) = why(bump) else { return true };
            self.decide((&bump.path, bump.position, &bump.field), outcome, reason);
            false
        });
        self.bumps = bumps;
    }
}

impl Outcome {
    /// The outcome of the fields that wait for a field with this outcome.
    pub(super) fn of_those_who_wait(self) -> Self {
        match self {
            Self::Held | Self::Unknown => self,
            _ => Self::Waiting,
        }
    }
}

/// One bump that a pass will make: one scalar to rewrite, or two if the image's name changes, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBump {
    /// The file.
    pub path: RepoPath,
    /// The image field.
    #[serde(flatten)]
    pub field: FieldId,
    /// The position of the scalar in the file.
    pub position: Position,
    /// The image as the file has it before the bump.
    #[serde(serialize_with = "as_text")]
    pub image: ImageRef,
    /// The image's name after the bump, if the bump writes another name, too.
    #[serde(serialize_with = "as_name", skip_serializing_if = "Option::is_none")]
    pub new_name: Option<ImageRef>,
    /// The tag before the bump; `None` if the image has none.
    pub from: Option<Tag>,
    /// The tag after the bump.
    pub to: Tag,
    /// The digest that the new tag pointed to when it was listed.
    pub digest: Option<Digest>,
    /// Whether the bump writes this digest behind the tag.
    pub pinned: bool,
    /// When the new image was pushed.
    pub pushed_at: Option<Timestamp>,
    /// When the image in the file was pushed, if it is still listed.
    #[serde(skip)]
    pub from_pushed_at: Option<Timestamp>,
    /// The policy that chose the tag.
    #[serde(skip)]
    pub policy: Policy,
    /// The image in each other repository that the tag is rendered with.
    #[serde(skip)]
    pub others: Vec<(Repository, Option<Digest>)>,
    /// The move of a group that the bump is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupMove>,
    /// Why the policy chose this tag, in one sentence.
    pub reason: String,
}

impl PlannedBump {
    /// The image with the name that it has after the bump.
    pub fn bumped_image(&self) -> &ImageRef {
        self.new_name.as_ref().unwrap_or(&self.image)
    }

    /// The record of the bump for the trailer of the commit.
    pub fn record(&self) -> Bump {
        Bump {
            field: self.field.clone(),
            image: self.image.name().to_owned(),
            new_image: self.new_name.as_ref().map(|name| name.name().to_owned()),
            old: self.from.clone(),
            new: self.to.clone(),
            digest: self.digest.clone(),
            pinned: self.pinned,
            old_digest: self.image.digest().cloned(),
        }
    }
}

/// The kind of decision about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The field moves to a newer tag.
    Bump,
    /// No tag is newer.
    UpToDate,
    /// A tag is newer, but a person took a tag back.
    Held,
    /// The workload is locked.
    Locked,
    /// No tag can be used, or nothing says which tag is newer.
    NoCandidate,
    /// The policy cannot be used.
    InvalidPolicy,
    /// The image is pinned by digest.
    Pinned,
    /// A tag is newer, but another field of the group cannot move to a tag that fits.
    Waiting,
    /// The agent has no right to apply the object.
    Denied,
    /// The rollout of the tag failed, and the tag before is written again.
    Failed,
    /// The repository's tags are not known.
    Unknown,
}

/// The decision about one automated field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The image field.
    #[serde(flatten)]
    pub field: FieldId,
    /// The file.
    pub path: RepoPath,
    /// The position of the tag in the file.
    pub position: Position,
    /// The image as the file has it.
    #[serde(serialize_with = "as_text")]
    pub image: ImageRef,
    /// The name that the image gets with its next tag, if the field's marker asks for another name.
    #[serde(serialize_with = "as_name", skip_serializing_if = "Option::is_none")]
    pub new_name: Option<ImageRef>,
    /// The policy in its full spelling; `None` if it cannot be used.
    pub policy: Option<String>,
    /// The tag in the file.
    pub current: Option<Tag>,
    /// The first tag that the policy matches, even if the field may not move to it.
    pub newest: Option<Tag>,
    /// The kind of decision.
    pub outcome: Outcome,
    /// The reason, in one sentence.
    pub reason: String,
    /// What holds the field back, whatever the outcome.
    pub hold: Option<Hold>,
    /// The group that the field moves with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Decision {
    /// Whether the field counts as held, in every list and number.
    pub fn is_held(&self) -> bool {
        self.hold.is_some() || self.outcome == Outcome::Held
    }
}

/// Serialises shared decisions as a list.
///
/// # Errors
/// The serialiser fails.
pub fn as_list<S: Serializer>(decisions: &[Arc<Decision>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(decisions.iter().map(Arc::as_ref))
}

fn as_name<S: Serializer>(image: &Option<ImageRef>, serializer: S) -> Result<S::Ok, S::Error> {
    match image {
        Some(image) => serializer.serialize_some(image.name()),
        None => serializer.serialize_none(),
    }
}

fn as_text<S: Serializer>(image: &ImageRef, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(image)
}
