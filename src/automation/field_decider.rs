//! Decides about single fields, with the listings of their repositories in hand.

use super::automated_fields;
use super::check_platforms::{index_images, mark_unfit};
use super::decide_with_history::Extent;
use super::following::{self, Followed};
use super::history_reader::FieldHistory;
use super::inputs::Inputs;
use crate::history::Hold;
use crate::model::{FieldId, Repository, Tag};
use crate::plan::{self, AutomatedField, DecidedField, Fits, Included, JudgedTag, Outcome, Tags};
use crate::policy::{Digests, Policy, ScanRules, Verdict};
use crate::port::{ImageKey, Listing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A decision about a field, and what it rests on.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) field: DecidedField,
    /// The image indexes that the bump moves to: their platforms must be known first.
    pub(super) indexes: Vec<ImageKey>,
    /// Whether the decision waits for a listing with all digests.
    pub(super) waits_for_digests: bool,
    /// Whether the decision rests on the time of the pass: a time of the history lies in the future.
    pub(super) rests_on_now: bool,
    /// The outcome for the field alone, without its group.
    pub(super) alone: Outcome,
    hold: Option<Hold>,
    since: Timestamp,
}

impl Decided {
    /// Whether the decision is the same with what the history says now.
    pub(super) fn holds_with(&self, past: &FieldHistory, extent: Extent, field: &FieldId) -> bool {
        past.holds.get(field) == self.hold.as_ref()
            && (!self.field.rests_on_since || extent.since(past, field) == self.since)
    }

    /// Whether decisions about the field compare digests other than those of the current tag and of the tag to move to.
    pub(super) fn compares_digests(&self, field: &AutomatedField) -> bool {
        compares_digests(field, self.hold.as_ref())
    }
}

fn compares_digests(field: &AutomatedField, hold: Option<&Hold>) -> bool {
    let follows = field
        .policy
        .as_ref()
        .is_ok_and(|policy| policy.digests() != Digests::Never);
    let mut rejected = hold.iter().flat_map(|hold| &hold.rejected);
    follows || !field.others.is_empty() || rejected.any(|rejected| rejected.digest.is_some())
}

/// Decides about fields. The fields come ordered by repository, so that a few listings in memory are enough and none is taken
/// apart twice.
pub(super) struct FieldDecider<'a> {
    inputs: &'a Inputs<'a>,
    /// The fields that others follow.
    followed: &'a Followed,
    past: &'a FieldHistory,
    extent: Extent,
    now: Timestamp,
    tags: BTreeMap<Repository, Tags>,
    /// The repositories of the group that is being decided: each of its fields is asked about several times.
    kept: BTreeSet<Repository>,
    /// The repositories among these whose listings lack digests.
    cut: BTreeSet<Repository>,
    /// The listings with all digests that were judged.
    pub(super) whole: BTreeMap<Repository, Arc<Listing>>,
    /// How many listings were judged.
    pub(super) listings: usize,
}

/// Listings in memory at once. A field with more repositories keeps all of its own.
const AT_ONCE: usize = 4;
/// Listings of one group in memory at once. Those of a larger group are judged again when a field is asked about again.
const OF_A_GROUP: usize = 16;

impl<'a> FieldDecider<'a> {
    pub(super) fn new(
        inputs: &'a Inputs<'a>,
        followed: &'a Followed,
        (past, extent): (&'a FieldHistory, Extent),
        now: Timestamp,
    ) -> Self {
        Self {
            inputs,
            followed,
            past,
            extent,
            now,
            tags: BTreeMap::new(),
            kept: BTreeSet::new(),
            cut: BTreeSet::new(),
            whole: BTreeMap::new(),
            listings: 0,
        }
    }

    /// Keeps the listings of these fields in memory, until others are named.
    pub(super) fn keep(&mut self, fields: &[&AutomatedField]) {
        let repositories = fields.iter().flat_map(|field| field.repositories());
        self.kept = repositories.take(OF_A_GROUP).collect();
    }

    /// Decides about a field, among the tags that fit.
    pub(super) fn decide(&mut self, field: &AutomatedField, fits: &Fits<'_>) -> Decided {
        match self.follower(field) {
            None => self.decide_by_policy(field, fits),
            Some(Ok(effective)) => of_follower(self.decide_by_policy(&effective, fits), field, None),
            Some(Err(waits)) => of_follower(self.decide_by_policy(field, fits), field, Some(waits)),
        }
    }

    /// What a field that follows another one takes now.
    fn follower(&self, field: &AutomatedField) -> Option<Result<AutomatedField, (Outcome, String)>> {
        field.policy.as_ref().ok()?.follows()?;
        let (past, extent) = (self.past, self.extent);
        let written = |followed: &FieldId| extent.since(past, followed);
        let healths = self.inputs.healths;
        Some(following::effective(field, self.followed, healths, written, self.now))
    }

    fn decide_by_policy(&mut self, field: &AutomatedField, fits: &Fits<'_>) -> Decided {
        let repositories = self.load(field);
        let hold = self.past.holds.get(&field.field);
        let is_cut = repositories.iter().any(|repository| self.cut.contains(repository));
        let waits = is_cut && (compares_digests(field, hold) || self.lacks_current(field));
        if !waits {
            let decided = self.decide_with(field, &self.tags, fits);
            let lacks_new = decided.field.bump.as_ref().is_some_and(|bump| bump.digest.is_none());
            if !(is_cut && lacks_new) {
                return decided;
            }
        }
        let reason = || Tags::Unknown("the digests of its tags are being read again".to_owned());
        let waiting = repositories
            .into_iter()
            .map(|repository| (repository, reason()))
            .collect();
        Decided {
            waits_for_digests: true,
            ..self.decide_with(field, &waiting, fits)
        }
    }

    /// All tags that a field may move to, the first one first.
    pub(super) fn eligible(&mut self, field: &AutomatedField) -> Vec<Tag> {
        self.load(field);
        let effective = self.follower(field).and_then(Result::ok);
        let field = effective.as_ref().unwrap_or(field);
        self.observe(field, &self.tags, |observed| plan::eligible_tags(field, observed))
    }

    /// What is said about the first tag of a field that fits.
    pub(super) fn verdict(&mut self, field: &AutomatedField, fits: &Fits<'_>) -> Option<Verdict> {
        self.load(field);
        let effective = self.follower(field).and_then(Result::ok);
        let field = effective.as_ref().unwrap_or(field);
        self.observe(field, &self.tags, |observed| plan::verdict(field, observed, fits))
    }

    /// What is said about every tag of a field's repository.
    pub(super) fn judged_tags(&mut self, field: &AutomatedField) -> Vec<JudgedTag> {
        self.load(field);
        let effective = self.follower(field).and_then(Result::ok);
        let field = effective.as_ref().unwrap_or(field);
        self.observe(field, &self.tags, |observed| plan::judged_tags(field, observed))
    }

    /// Reads the tags of a field's repositories.
    fn load(&mut self, field: &AutomatedField) -> Vec<Repository> {
        let repositories = field.repositories();
        if self.tags.len() >= AT_ONCE {
            let kept = &self.kept;
            self.tags
                .retain(|repository, _| repositories.contains(repository) || kept.contains(repository));
        }
        for repository in &repositories {
            if !self.tags.contains_key(repository) {
                let tags = self.read(repository);
                self.listings += usize::from(matches!(tags, Tags::Listed(_)));
                self.tags.insert(repository.clone(), tags);
            }
        }
        repositories
    }

    fn observe<T>(
        &self,
        field: &AutomatedField,
        tags: &BTreeMap<Repository, Tags>,
        ask: impl FnOnce(&plan::Observed<'_>) -> T,
    ) -> T {
        let Inputs { rules, until, .. } = *self.inputs;
        let since = self.extent.since(self.past, &field.field);
        ask(&plan::Observed {
            tags,
            holds: &self.past.holds,
            since: &BTreeMap::from([(field.field.clone(), since)]),
            included: &|repository| included(rules, repository),
            now: self.now,
            until,
        })
    }

    fn decide_with(&self, field: &AutomatedField, tags: &BTreeMap<Repository, Tags>, fits: &Fits<'_>) -> Decided {
        let (past, now) = (self.past, self.now);
        let since = self.extent.since(past, &field.field);
        let hold = past.holds.get(&field.field).cloned();
        let rejected = hold.iter().flat_map(|hold| &hold.rejected);
        let rests_on_now = since > now || rejected.map(|rejected| rejected.at).any(|at| at > now);
        let decided = self.observe(field, tags, |observed| plan::decide_among(field, observed, fits));
        Decided {
            alone: decided.decision.outcome,
            indexes: decided.bump.iter().flat_map(|bump| index_images(bump, tags)).collect(),
            field: decided,
            waits_for_digests: false,
            rests_on_now,
            hold,
            since,
        }
    }

    /// Whether the field's current tag is listed without its digest.
    fn lacks_current(&self, field: &AutomatedField) -> bool {
        let tags = self.tags.get(&field.bumped_image().repository());
        let (Some(Tags::Listed(candidates)), Some(current)) = (tags, field.image.tag()) else {
            return false;
        };
        let current = candidates.iter().find(|candidate| candidate.tag == *current);
        current.is_some_and(|current| current.digest.is_none())
    }

    /// The tags of a repository, or why they are not known.
    fn read(&mut self, repository: &Repository) -> Tags {
        let Inputs { rules, scan_state, .. } = *self.inputs;
        if let Err(reason) = rules.allows(repository) {
            return Tags::Unknown(reason);
        }
        match scan_state.scan(repository).map(|scan| scan.result) {
            None => Tags::Unknown("not scanned yet".into()),
            Some(Err(failure)) => Tags::Unknown(failure.to_string()),
            Some(Ok(listing)) => {
                let mut candidates = automated_fields::candidates(&listing);
                mark_unfit(&mut candidates, rules.platforms(), &scan_state.platforms(repository));
                match listing.images.has_all_digests() {
                    true => drop(self.whole.insert(repository.clone(), listing)),
                    false => drop(self.cut.insert(repository.clone())),
                }
                Tags::Listed(candidates)
            }
        }
    }
}

/// Whether the include and exclude globs let a tag of a repository in.
fn included<'a>(rules: &'a ScanRules, repository: &Repository) -> Included<'a> {
    match rules.tags(repository) {
        Ok(tags) => Box::new(move |tag| tags.allows(tag)),
        Err(reason) => Box::new(move |_| Err(reason.clone())),
    }
}

/// The decision about a follower, under its own policy.
fn of_follower(mut decided: Decided, field: &AutomatedField, waits: Option<(Outcome, String)>) -> Decided {
    decided.rests_on_now = true;
    let decision = Arc::make_mut(&mut decided.field.decision);
    decision.policy = field.policy.as_ref().ok().map(Policy::to_string);
    if let Some((outcome, reason)) = waits.filter(|_| decision.outcome != Outcome::Locked) {
        (decision.outcome, decision.reason) = (outcome, reason);
        decided.alone = outcome;
        decided.field.bump = None;
    }
    decided
}
