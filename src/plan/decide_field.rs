use super::bump_plan::{Decision, Outcome, PlannedBump};
use super::decide_group::Fits;
use super::field::AutomatedField;
use super::observed::{DecidedField, Included, Observed, Tags};
use crate::history::{Hold, HoldCheck, Rejected, Remedy};
use crate::manifest::Lock;
use crate::model::{Digest, ImageRef, Printable, Repository, Tag};
use crate::policy::{Candidate, Choice, Chosen, Digests, Policy, Question, Verdict, choose, eligible, first_verdict};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Decides about one field as if its repositories had only the tags that fit.
pub fn decide_among(field: &AutomatedField, observed: &Observed<'_>, fits: &Fits<'_>) -> DecidedField {
    let among = |repository: &Repository| -> Included<'_> {
        let included = (observed.included)(repository);
        Box::new(move |tag| match fits(tag) {
            true => included(tag),
            false => Err("does not fit the group".to_owned()),
        })
    };
    decide_field(
        field,
        &Observed {
            included: &among,
            ..*observed
        },
    )
}

/// What is said about the first tag that fits; `None` if the field's repository has none, or is not known.
pub fn verdict(field: &AutomatedField, observed: &Observed<'_>, fits: &Fits<'_>) -> Option<Verdict> {
    inquire(field, observed, |question| first_verdict(question, fits)).flatten()
}

/// All tags that a field may move to, the first one first.
pub fn eligible_tags(field: &AutomatedField, observed: &Observed<'_>) -> Vec<Tag> {
    inquire(field, observed, eligible).unwrap_or_default()
}

/// Asks about the candidates of a field; `None` if nothing can be decided about the field.
pub(super) fn inquire<T>(
    field: &AutomatedField,
    observed: &Observed<'_>,
    answer: impl FnOnce(&Question<'_>) -> T,
) -> Option<T> {
    let (policy, candidates) = usable(field, observed).ok()?;
    let candidates = shared_candidates(candidates, &field.others, observed);
    let image = field.bumped_image();
    let rejected = observed.holds.get(&field.field);
    let rejected = rejected.and_then(|hold| hold.concerning(image.name(), &field.image));
    Some(ask(
        policy,
        field,
        image,
        &candidates,
        rejected.as_ref(),
        observed,
        answer,
    ))
}

/// Decides about one field. Only what is observed of this field and of [its repositories](AutomatedField::repositories) counts.
pub fn decide_field(field: &AutomatedField, observed: &Observed<'_>) -> DecidedField {
    let (name, hold) = (field.bumped_image().name(), observed.holds.get(&field.field));
    let mut decision = Decision {
        field: field.field.clone(),
        path: field.path.clone(),
        position: field.position,
        image: field.image.clone(),
        new_name: field.new_name.clone(),
        policy: field.policy.as_ref().ok().map(Policy::to_string),
        current: field.image.tag().cloned(),
        newest: None,
        outcome: Outcome::Unknown,
        reason: String::new(),
        hold: hold.and_then(|hold| hold.active(name, &field.image)),
        group: field.groups.first().map(|group| group.name.clone()),
    };
    let (policy, candidates) = match usable(field, observed) {
        Ok(usable) => usable,
        Err((outcome, reason)) => {
            (decision.outcome, decision.reason) = (outcome, reason);
            return DecidedField {
                decision: Arc::new(decision),
                bump: None,
                rests_on_since: false,
            };
        }
    };
    let candidates = &*shared_candidates(candidates, &field.others, observed);
    // A tag that was taken back stays taken back, also after a later bump: somebody may push the tag again.
    let rejected = hold.and_then(|hold| hold.concerning(name, &field.image));
    let image = field.bumped_image();
    let selection = ask(policy, field, image, candidates, rejected.as_ref(), observed, choose);
    let mut rests_on_since = selection.rests_on_since;
    let (outcome, mut reason) = outcome(&selection, field.lock.as_ref());
    if let Some(name) = field.new_name.as_ref().filter(|_| outcome != Outcome::Locked) {
        reason.push_str(&format!("; the marker asks for the name {}", name.name()));
    }
    if outcome == Outcome::Held {
        decision.hold = rejected.clone();
    }
    let others = match (&selection.selected, outcome) {
        (Some(choice), Outcome::Bump) => {
            rests_on_since |= !field.others.is_empty();
            elsewhere(policy, field, choice, rejected.as_ref(), observed)
        }
        _ => Ok(Vec::new()),
    };
    let (outcome, reason, others) = match others {
        Ok(others) => (outcome, reason, others),
        Err(problem) => (Outcome::NoCandidate, problem, Vec::new()),
    };
    let bump = match (&selection.selected, outcome) {
        (Some(choice), Outcome::Bump) => Some(PlannedBump {
            path: field.path.clone(),
            field: field.field.clone(),
            position: field.position,
            image: field.image.clone(),
            new_name: field.new_name.clone(),
            from: field.image.tag().cloned(),
            to: choice.tag.clone(),
            digest: choice.digest.clone(),
            pinned: policy.digests() != Digests::Never,
            pushed_at: choice.pushed_at,
            from_pushed_at: listed(&field.image, candidates).and_then(|candidate| candidate.pushed_at),
            policy: policy.clone(),
            others,
            group: None,
            reason: reason.clone(),
        }),
        _ => None,
    };
    decision.newest = selection.newest;
    (decision.outcome, decision.reason) = (outcome, reason);
    DecidedField {
        decision: Arc::new(decision),
        bump,
        rests_on_since,
    }
}

/// The policy and the candidates of a field, or why nothing can be decided.
fn usable<'a>(
    field: &'a AutomatedField,
    observed: &'a Observed<'_>,
) -> Result<(&'a Policy, &'a [Candidate]), (Outcome, String)> {
    let policy = field
        .policy
        .as_ref()
        .map_err(|error| (Outcome::InvalidPolicy, error.clone()))?;
    if let Some(digest) = field.image.digest().filter(|_| policy.digests() == Digests::Never) {
        let reason = match policy.is_image_policy() {
            true => format!(
                "the image is pinned to {digest}, and the digestReflectionPolicy of the ImagePolicy is Never: Flux would remove \
                 the digest, Tidegate keeps it; remove the digest, or write IfNotPresent or Always"
            ),
            false => format!(
                "the image is pinned to {digest}; remove the digest to have the tag kept up to date, or follow a tag by digest \
                 with digest:<tag>"
            ),
        };
        return Err((Outcome::Pinned, reason));
    }
    for other in &field.others {
        listing(&other.repository(), observed)?;
    }
    Ok((policy, listing(&field.bumped_image().repository(), observed)?))
}

fn listing<'a>(repository: &Repository, observed: &'a Observed<'_>) -> Result<&'a [Candidate], (Outcome, String)> {
    match observed.tags.get(repository) {
        Some(Tags::Listed(candidates)) => Ok(candidates),
        Some(Tags::Unknown(reason)) => Err((Outcome::Unknown, reason.clone())),
        None => Err((Outcome::Unknown, format!("{repository} has not been read yet"))),
    }
}

/// The candidates whose tags the other repositories have, too.
fn shared_candidates<'a>(
    candidates: &'a [Candidate],
    others: &[ImageRef],
    observed: &Observed<'_>,
) -> Cow<'a, [Candidate]> {
    if others.is_empty() {
        return Cow::Borrowed(candidates);
    }
    let listings = others
        .iter()
        .filter_map(|other| listing(&other.repository(), observed).ok());
    let tags: Vec<BTreeSet<&Tag>> = listings
        .map(|listing| listing.iter().map(|candidate| &candidate.tag).collect())
        .collect();
    let is_everywhere = |candidate: &&Candidate| tags.iter().all(|tags| tags.contains(&candidate.tag));
    Cow::Owned(candidates.iter().filter(is_everywhere).cloned().collect())
}

/// The image that a choice stands for in each of the other repositories. The policy must choose the same tag there.
fn elsewhere(
    policy: &Policy,
    field: &AutomatedField,
    choice: &Choice,
    hold: Option<&Hold>,
    observed: &Observed<'_>,
) -> Result<Vec<(Repository, Option<Digest>)>, String> {
    let mut images = Vec::new();
    for other in &field.others {
        let repository = other.repository();
        let mut rest = field.others.clone();
        rest.retain(|image| image != other);
        rest.push(field.bumped_image().clone());
        let candidates = listing(&repository, observed).map_err(|(_, reason)| reason)?;
        let candidates = shared_candidates(candidates, &rest, observed);
        let there = ask(policy, field, other, &candidates, hold, observed, choose);
        let digest = match there.selected {
            Some(selected) if selected.tag == choice.tag => selected.digest,
            Some(selected) => {
                return Err(format!(
                    "the tag is also that of {repository}, where the policy chooses {} and not {}; give the overlays tags of \
                     their own",
                    selected.tag, choice.tag
                ));
            }
            None => {
                return Err(format!(
                    "the tag is also that of {repository}, where {} is not chosen: {}",
                    choice.tag, there.reason
                ));
            }
        };
        if policy.digests() != Digests::Never && digest != choice.digest {
            return Err(format!(
                "the digest is also written for {repository}, where {} is another image; give the overlays tags of their own",
                choice.tag
            ));
        }
        images.push((repository, digest));
    }
    Ok(images)
}

/// The image in the file as the registry lists it.
fn listed<'a>(image: &ImageRef, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    candidates.iter().find(|candidate| match image.digest() {
        Some(digest) => candidate.digest.as_ref() == Some(digest),
        None => Some(&candidate.tag) == image.tag(),
    })
}

/// Asks what the policy and the hold say about the candidates.
fn ask<T>(
    policy: &Policy,
    field: &AutomatedField,
    image: &ImageRef,
    candidates: &[Candidate],
    hold: Option<&Hold>,
    observed: &Observed<'_>,
    ask: impl FnOnce(&Question<'_>) -> T,
) -> T {
    let included = (observed.included)(&image.repository());
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
    ask(&Question {
        current_since: observed.since.get(&field.field).map(|since| (*since).min(observed.now)),
        digest: field.image.digest(),
        included: &included,
        free: &free,
        is_renamed: field.new_name.is_some(),
        ..Question::new(policy, field.image.tag(), candidates)
    })
}

fn outcome(selection: &Chosen, lock: Option<&Lock>) -> (Outcome, String) {
    if let Some(lock) = lock {
        return (Outcome::Locked, locked(lock));
    }
    let outcome = if selection.selected.is_some() {
        Outcome::Bump
    } else if selection.is_held {
        Outcome::Held
    } else if selection.is_unordered || selection.newest.is_none() {
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
        .map(|by| format!(" by {}", Printable::new(by)))
        .unwrap_or_default();
    let why = lock
        .reason
        .as_ref()
        .map(|why| format!(": {}", Printable::new(why)))
        .unwrap_or_default();
    format!("locked{by}{why}")
}
