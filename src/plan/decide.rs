use super::field::AutomatedField;
use super::message::shown;
use crate::history::{Bump, Hold, HoldCheck, ImageVersion, Rejected, Remedy};
use crate::manifest::Lock;
use crate::model::{Digest, FieldId, HoldUntil, ImageRef, Position, RepoPath, Repository, Tag};
use crate::policy::{Candidate, Digests, Eligibility, Policy, Question, Selection, select};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What is known of a repository's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// All of them, from one complete reading.
    Listed(Vec<Candidate>),
    /// Nothing: not read, not readable, or excluded; the reason for people.
    Unknown(String),
}

/// What a pass has read, for [`decide`].
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// The repositories that were looked at.
    pub tags: &'a BTreeMap<Repository, Tags>,
    /// What is held.
    pub holds: &'a BTreeMap<FieldId, Hold>,
    /// When each field was last written, where known (`history::HoldIndex::written`).
    pub since: &'a BTreeMap<FieldId, Timestamp>,
    /// Whether the include and exclude globs let a tag in; the reason if not.
    pub included: &'a dyn Fn(&Repository, &Tag) -> Result<(), String>,
    /// The time of the pass.
    pub now: Timestamp,
    /// What ends a hold where the workload says nothing.
    pub until: HoldUntil,
}

/// The bumps of one pass and the reasons for everything else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BumpPlan {
    /// What to write, by path and position.
    pub bumps: Vec<PlannedBump>,
    /// One for each automated field, by path and position.
    pub decisions: Vec<Decision>,
}

impl BumpPlan {
    /// Takes the bumps out for which there is a reason to wait; their decisions give it.
    pub fn postpone(&mut self, mut why: impl FnMut(&PlannedBump) -> Option<String>) {
        let decisions = &mut self.decisions;
        self.bumps.retain(|bump| {
            let Some(reason) = why(bump) else { return true };
            let mut own = decisions
                .iter_mut()
                .filter(|decision| decision.field == bump.field && decision.path == bump.path);
            if let Some(decision) = own.next() {
                decision.outcome = Outcome::Unknown;
                decision.reason = reason;
            }
            false
        });
    }
}

/// One scalar to rewrite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedBump {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// Where the scalar stands.
    pub position: Position,
    /// The image as written before.
    #[serde(serialize_with = "as_text")]
    pub image: ImageRef,
    /// The tag before.
    pub from: Option<Tag>,
    /// The tag after.
    pub to: Tag,
    /// What the tag pointed to when it was listed.
    pub digest: Option<Digest>,
    /// Whether that digest is written behind the tag.
    pub pinned: bool,
    /// When that was pushed.
    pub pushed_at: Option<Timestamp>,
    /// When the image in the file was pushed, where it is still listed.
    #[serde(skip)]
    pub from_pushed_at: Option<Timestamp>,
    /// What chose it.
    #[serde(skip)]
    pub policy: Policy,
    /// Why this tag.
    pub reason: String,
}

impl PlannedBump {
    /// As the commit's trailer records it.
    pub fn record(&self) -> Bump {
        Bump {
            field: self.field.clone(),
            image: self.image.name().to_owned(),
            old: self.from.clone(),
            new: self.to.clone(),
            digest: self.digest.clone(),
            pinned: self.pinned,
            old_digest: self.image.digest().cloned(),
        }
    }
}

/// What was decided about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It moves.
    Bump,
    /// Nothing is newer.
    UpToDate,
    /// Something is newer, but somebody took a tag back.
    Held,
    /// The workload is locked.
    Locked,
    /// No tag can be used, or nothing tells which one is newer.
    NoCandidate,
    /// The policy cannot be used.
    InvalidPolicy,
    /// The image is pinned by digest.
    Pinned,
    /// The repository's tags are not known.
    Unknown,
}

/// What was decided about a field, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The field.
    pub field: FieldId,
    /// The file.
    pub path: RepoPath,
    /// Where the tag stands.
    pub position: Position,
    /// The image as written.
    #[serde(serialize_with = "as_text")]
    pub image: ImageRef,
    /// The policy in its full spelling; absent where it cannot be used.
    pub policy: Option<String>,
    /// The tag in the file.
    pub current: Option<Tag>,
    /// The first tag that the policy matches, whether or not the field may move to it.
    pub newest: Option<Tag>,
    /// What was decided.
    pub outcome: Outcome,
    /// Why, in one sentence.
    pub reason: String,
    /// What is held on this field, whatever the outcome.
    pub hold: Option<Hold>,
}

fn as_text<S: Serializer>(image: &ImageRef, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(image)
}

/// Decides about every field. The same input gives the same plan, whatever the order of `fields`.
pub fn decide(fields: &[AutomatedField], observed: &Observed<'_>) -> BumpPlan {
    let mut ordered: Vec<&AutomatedField> = fields.iter().collect();
    ordered.sort_by(|a, b| (&a.path, a.position, &a.field).cmp(&(&b.path, b.position, &b.field)));
    let mut plan = BumpPlan::default();
    for field in ordered {
        let (decision, bump) = one(field, observed);
        plan.decisions.push(decision);
        plan.bumps.extend(bump);
    }
    plan
}

fn one(field: &AutomatedField, observed: &Observed<'_>) -> (Decision, Option<PlannedBump>) {
    let current = field.image.tag();
    let mut decision = Decision {
        field: field.field.clone(),
        path: field.path.clone(),
        position: field.position,
        image: field.image.clone(),
        policy: field.policy.as_ref().ok().map(Policy::to_string),
        current: current.cloned(),
        newest: None,
        outcome: Outcome::Unknown,
        reason: String::new(),
        hold: observed
            .holds
            .get(&field.field)
            .and_then(|hold| hold.concerning(field.image.name(), &ImageVersion::of(&field.image))),
    };
    let mut decided = |outcome, reason: String| {
        decision.outcome = outcome;
        decision.reason = reason;
    };

    let policy = match &field.policy {
        Ok(policy) => policy,
        Err(error) => {
            decided(Outcome::InvalidPolicy, error.clone());
            return (decision, None);
        }
    };
    if let Some(digest) = field.image.digest().filter(|_| policy.digests() == Digests::Never) {
        let reason = format!(
            "the image is pinned to {digest}; remove the digest to have the tag kept up to date, or follow a tag by digest \
             with digest:<tag>"
        );
        decided(Outcome::Pinned, reason);
        return (decision, None);
    }
    let repository = field.image.repository();
    let candidates = match observed.tags.get(&repository) {
        Some(Tags::Listed(candidates)) => candidates,
        Some(Tags::Unknown(reason)) => {
            decided(Outcome::Unknown, reason.clone());
            return (decision, None);
        }
        None => {
            decided(Outcome::Unknown, format!("{repository} has not been read yet"));
            return (decision, None);
        }
    };

    let selection = choose(policy, field, candidates, decision.hold.as_ref(), observed);
    let (outcome, reason) = outcome(&selection, field.lock.as_ref());
    let bump = match (&selection.selected, outcome) {
        (Some(choice), Outcome::Bump) => Some(PlannedBump {
            path: field.path.clone(),
            field: field.field.clone(),
            position: field.position,
            image: field.image.clone(),
            from: current.cloned(),
            to: choice.tag.clone(),
            digest: choice.digest.clone(),
            pinned: policy.digests() != Digests::Never,
            pushed_at: choice.pushed_at,
            from_pushed_at: listed_now(&field.image, candidates).and_then(|candidate| candidate.pushed_at),
            policy: policy.clone(),
            reason: reason.clone(),
        }),
        _ => None,
    };
    decision.newest = selection.newest;
    decision.outcome = outcome;
    decision.reason = reason;
    (decision, bump)
}

/// The image in the file as the registry lists it.
fn listed_now<'a>(image: &ImageRef, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    candidates.iter().find(|candidate| match image.digest() {
        Some(digest) => candidate.digest.as_ref() == Some(digest),
        None => Some(&candidate.tag) == image.tag(),
    })
}

fn choose(
    policy: &Policy,
    field: &AutomatedField,
    candidates: &[Candidate],
    hold: Option<&Hold>,
    observed: &Observed<'_>,
) -> Selection {
    let repository = field.image.repository();
    let pinned = policy.digests() != Digests::Never;
    let pushed_at_of = |rejected: &Rejected| {
        let is = |candidate: &&Candidate| match &rejected.digest {
            Some(digest) => candidate.digest.as_ref() == Some(digest),
            None => candidate.tag == rejected.tag,
        };
        candidates.iter().find(is)?.pushed_at
    };
    let free = |candidate: &Candidate| match hold {
        None => Ok(()),
        Some(hold) => hold.allows(&HoldCheck {
            tag: &candidate.tag,
            digest: candidate.digest.as_ref().filter(|_| pinned),
            pushed_at: candidate.pushed_at,
            pushed_at_of: &pushed_at_of,
            comes_after: &|rejected| policy.is_newer_by_name(&candidate.tag, rejected),
            now: observed.now,
            remedy: Remedy {
                field: &field.field,
                until: field.hold.unwrap_or(observed.until),
                repo_args: "",
            },
        }),
    };
    select(&Question {
        current_since: observed.since.get(&field.field).map(|since| (*since).min(observed.now)),
        digest: field.image.digest(),
        included: &|tag| (observed.included)(&repository, tag),
        free: &free,
        ..Question::new(policy, field.image.tag(), candidates)
    })
}

fn outcome(selection: &Selection, lock: Option<&Lock>) -> (Outcome, String) {
    if let Some(lock) = lock {
        return (Outcome::Locked, locked(lock));
    }
    let outcome = if selection.selected.is_some() {
        Outcome::Bump
    } else if selection.any(Eligibility::Held) {
        Outcome::Held
    } else if selection.any(Eligibility::Unordered) || selection.newest.is_none() {
        Outcome::NoCandidate
    } else {
        Outcome::UpToDate
    };
    (outcome, selection.reason.clone())
}

fn locked(lock: &Lock) -> String {
    let by = lock
        .by
        .as_ref()
        .map(|by| format!(" by {}", shown(by)))
        .unwrap_or_default();
    let why = lock
        .reason
        .as_ref()
        .map(|why| format!(": {}", shown(why)))
        .unwrap_or_default();
    format!("locked{by}{why}")
}
