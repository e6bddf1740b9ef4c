//! The decisions about all automated fields, from pass to pass. The cost of a pass follows what changed since the pass before.
//!
//! A decision about a field rests on the field itself, on what is known about its repositories, on the field's hold, and in
//! some cases on the time at which the field was written. A field is decided again when one of these changed, and only then.
//! The fields of a group are decided together: if one of them must be decided again, all of them are.
//! The cache holds nothing that could not be read again: an empty cache decides about every field.

use super::check_platforms::waits_for;
use super::decide_with_history::{Extent, decide_with_history, needs_whole_history};
use super::field_decider::{Decided, FieldDecider};
use super::following::{self, Followed};
use super::history_reader::{FieldHistory, HistoryReader};
use super::{automated_fields, group_decider::decide_together, inputs::Inputs};
use crate::model::{CommitId, FieldId, RepoPath, Repository};
use crate::plan::{self, AutomatedField, BumpPlan, JudgedTag, Outcome};
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, ImageKey, Listing, RepoFailure, Revision, ScanState};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

/// The decisions about all automated fields of one commit.
#[derive(Debug, Default)]
pub(super) struct DecisionCache {
    /// The state that the fields are of. Only its identity counts.
    declared: Weak<DeclaredState>,
    /// The fields, ordered as a plan orders them.
    fields: Vec<CachedField>,
    /// The places of the fields of each group.
    units: Vec<Vec<usize>>,
    /// The fields that name each repository.
    by_repository: BTreeMap<Repository, Vec<usize>>,
    /// The repositories whose tags the decisions need.
    repositories: Arc<BTreeSet<Repository>>,
    /// The scans up to this revision are in the decisions.
    scans: Revision,
    /// The history that is in the decisions.
    history: Option<(u64, Extent)>,
    /// The listings that the decisions rest on and that have all digests.
    whole: BTreeMap<Repository, Arc<Listing>>,
    /// The fields that others follow.
    followed: Followed,
    work: Work,
}

/// How much was decided so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Work {
    /// Decisions about a field.
    pub(super) fields: usize,
    /// Listings whose tags were judged for these decisions.
    pub(super) listings: usize,
}

#[derive(Debug)]
struct CachedField {
    field: AutomatedField,
    /// `None`: the field must be decided.
    decided: Option<Decided>,
}

impl CachedField {
    fn waits_for_digests(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.waits_for_digests)
    }

    /// Whether nothing is under way for the field, and its decision compares no digests.
    fn is_settled(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| {
            let mut outcomes = [decided.field.decision.outcome, decided.alone].into_iter();
            !outcomes.any(|outcome| matches!(outcome, Outcome::Bump | Outcome::Unknown))
                && !decided.compares_digests(&self.field)
        })
    }
}

impl DecisionCache {
    /// The automated fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &AutomatedField> {
        self.fields.iter().map(|cached| &cached.field)
    }

    /// How much was decided so far.
    pub(super) fn work(&self) -> Work {
        self.work
    }

    /// The repositories whose tags the decisions need.
    pub(super) fn repositories(&self) -> &Arc<BTreeSet<Repository>> {
        &self.repositories
    }

    /// Takes the automated fields of a state. The decisions about fields that are as before stay.
    pub(super) fn set_declared(&mut self, declared: &Arc<DeclaredState>, rules: &ScanRules) {
        if !std::ptr::eq(self.declared.as_ptr(), Arc::as_ptr(declared)) {
            self.set_fields_of(declared, rules);
            self.declared = Arc::downgrade(declared);
        }
    }

    /// Takes the automated fields of a state, and the fields that they follow.
    pub(super) fn set_fields_of(&mut self, declared: &DeclaredState, rules: &ScanRules) {
        let mut fields = automated_fields::fields(declared);
        self.followed = following::resolve(declared, &mut fields);
        self.set_fields(fields, rules);
    }

    /// Whether a field follows another one.
    pub(super) fn has_followers(&self) -> bool {
        !self.followed.is_empty()
    }

    /// Takes the automated fields. The decisions about fields that are as before stay.
    pub(super) fn set_fields(&mut self, mut fields: Vec<AutomatedField>, rules: &ScanRules) {
        fields.sort_by(|a, b| (&a.path, a.position, &a.field).cmp(&(&b.path, b.position, &b.field)));
        let repositories = automated_fields::repositories(&fields, rules);
        if repositories != *self.repositories {
            self.repositories = Arc::new(repositories);
        }
        let before_units: BTreeSet<Vec<(RepoPath, FieldId)>> = self.names_of_units().collect();
        let before = std::mem::take(&mut self.fields).into_iter();
        let mut before: BTreeMap<(RepoPath, FieldId), CachedField> = before
            .map(|cached| ((cached.field.path.clone(), cached.field.field.clone()), cached))
            .collect();
        self.by_repository.clear();
        for (index, field) in fields.into_iter().enumerate() {
            for repository in field.repositories() {
                self.by_repository.entry(repository).or_default().push(index);
            }
            let cached = before.remove(&(field.path.clone(), field.field.clone()));
            let cached = cached.filter(|cached| cached.field == field);
            self.fields.push(cached.unwrap_or(CachedField { field, decided: None }));
        }
        let all: Vec<&AutomatedField> = self.fields.iter().map(|cached| &cached.field).collect();
        self.units = plan::units(&all);
        self.forget_changed_units(&before_units);
    }

    /// The fields of each group, by name.
    fn names_of_units(&self) -> impl Iterator<Item = Vec<(RepoPath, FieldId)>> {
        let name = |at: &usize| {
            let field = &self.fields[*at].field;
            (field.path.clone(), field.field.clone())
        };
        self.units.iter().map(move |unit| unit.iter().map(name).collect())
    }

    /// Marks the fields of groups that have other fields than before.
    fn forget_changed_units(&mut self, before: &BTreeSet<Vec<(RepoPath, FieldId)>>) {
        let now: BTreeSet<Vec<(RepoPath, FieldId)>> = self.names_of_units().collect();
        let changed: BTreeSet<&(RepoPath, FieldId)> = now.symmetric_difference(before).flatten().collect();
        for cached in self.fields.iter_mut().filter(|cached| !cached.field.groups.is_empty()) {
            if changed.contains(&(cached.field.path.clone(), cached.field.field.clone())) {
                cached.decided = None;
            }
        }
    }

    /// Decides on `head`. The second value is true if the plan waits for something that nobody has asked the registry for
    /// before: the platforms of images, or digests.
    pub(super) async fn decide(
        &mut self,
        inputs: &Inputs<'_>,
        repo: &impl ConfigRepo,
        head: CommitId,
        history: &mut HistoryReader,
    ) -> Result<(BumpPlan, bool), RepoFailure> {
        self.note_scans(inputs.scan_state);
        let before = self.work();
        decide_with_history(repo, head, history, |past, extent| {
            self.bring_up_to_date(inputs, past, extent)
        })
        .await?;
        let (fields, listings) = (self.work.fields - before.fields, self.work.listings - before.listings);
        tracing::debug!(fields, listings, "decided");
        let (plan, unread) = self.plan(inputs.scan_state);
        let waiting = self.fields.iter().filter(|cached| cached.waits_for_digests());
        let waiting = waiting.flat_map(|cached| cached.field.repositories()).collect();
        let is_new = inputs.scan_state.set_images(unread) | inputs.scan_state.request_digests(&waiting);
        Ok((plan, is_new))
    }

    /// What is said about every tag of some fields, at a commit that was decided on.
    pub(super) async fn judged_tags(
        &self,
        inputs: &Inputs<'_>,
        repo: &impl ConfigRepo,
        head: CommitId,
        history: &mut HistoryReader,
        is_meant: impl Fn(&FieldId) -> bool,
    ) -> Result<BTreeMap<(RepoPath, FieldId), Vec<JudgedTag>>, RepoFailure> {
        let meant: Vec<&AutomatedField> = self.fields().filter(|field| is_meant(&field.field)).collect();
        let mut judged = BTreeMap::new();
        decide_with_history(repo, head, history, |past, extent| {
            let mut decider = FieldDecider::new(inputs, &self.followed, (past, extent), Timestamp::now());
            for field in &meant {
                judged.insert((field.path.clone(), field.field.clone()), decider.judged_tags(field));
            }
            extent == Extent::Part
        })
        .await?;
        Ok(judged)
    }

    /// Leaves digests out of the listings whose fields are settled. Each listing keeps the digests of the current and the newest
    /// tags, and of images whose platforms are known. A decision that turns out to need another digest waits for a further
    /// listing.
    pub(super) fn leave_out_digests(&mut self, scan_state: &ScanState) {
        let Self {
            fields,
            by_repository,
            whole,
            ..
        } = self;
        whole.retain(|repository, listing| {
            let fields = by_repository
                .get(repository)
                .into_iter()
                .flatten()
                .map(|index| &fields[*index]);
            if !fields.clone().all(CachedField::is_settled) {
                return true;
            }
            let decisions = fields.filter_map(|cached| Some(&cached.decided.as_ref()?.field.decision));
            let tags = decisions.flat_map(|decision| decision.current.iter().chain(&decision.newest));
            let mut images = listing.images.digests_of(&tags.collect());
            images.extend(scan_state.platforms(repository).into_keys());
            scan_state.keep_digests(repository, listing, &images);
            false
        });
    }

    /// Marks the fields whose repositories changed.
    fn note_scans(&mut self, scan_state: &ScanState) {
        let (newest, changed) = scan_state.changed_since(self.scans);
        for index in changed
            .iter()
            .filter_map(|repository| self.by_repository.get(repository))
            .flatten()
        {
            self.fields[*index].decided = None;
        }
        self.scans = newest;
    }

    /// Decides about the fields whose decision does not hold any more. True if only the whole history may decide.
    fn bring_up_to_date(&mut self, inputs: &Inputs<'_>, past: &FieldHistory, extent: Extent) -> bool {
        let now = Timestamp::now();
        let followed = self.followed.clone();
        let is_new_history = self.history != Some((past.revision, extent));
        let is_stale = |cached: &CachedField| {
            cached.decided.as_ref().is_none_or(|decided| {
                let holds = || decided.holds_with(past, extent, &cached.field.field);
                decided.rests_on_now || is_new_history && !holds()
            })
        };
        let mut stale: BTreeSet<usize> = (0..self.fields.len())
            .filter(|index| is_stale(&self.fields[*index]))
            .collect();
        let is_stale = |unit: &&Vec<usize>| unit.iter().any(|index| stale.contains(index));
        let units: Vec<Vec<usize>> = self.units.iter().filter(is_stale).cloned().collect();
        stale.extend(units.iter().flatten());
        let mut stale: Vec<usize> = stale.into_iter().collect();
        stale.sort_by_cached_key(|index| self.fields[*index].field.bumped_image().repository());
        let mut decider = FieldDecider::new(inputs, &followed, (past, extent), now);
        for index in stale {
            let cached = &mut self.fields[index];
            cached.decided = None;
            cached.decided = Some(decider.decide(&cached.field, &|_| true));
            self.work.fields += 1;
        }
        for unit in units {
            self.decide_unit(&mut decider, &unit);
        }
        self.work.listings += decider.listings;
        self.whole.append(&mut decider.whole);
        self.history = Some((past.revision, extent));
        let decided = self.fields.iter().filter_map(|cached| cached.decided.as_ref());
        decided.map(|decided| decided.alone).any(needs_whole_history)
    }

    /// Decides about the fields of a group together, after each was decided alone.
    fn decide_unit(&mut self, decider: &mut FieldDecider<'_>, unit: &[usize]) {
        let alone = unit.iter().filter_map(|index| self.fields[*index].decided.take());
        let alone: Vec<Decided> = alone.collect();
        let fields: Vec<&AutomatedField> = unit.iter().map(|index| &self.fields[*index].field).collect();
        let together = decide_together(decider, &fields, alone);
        for (index, decided) in unit.iter().zip(together) {
            self.fields[*index].decided = Some(decided);
        }
    }

    /// The plan, without the bumps to image indexes whose platforms are not known; and these images.
    fn plan(&self, scan_state: &ScanState) -> (BumpPlan, BTreeSet<ImageKey>) {
        let (mut plan, mut unread) = (BumpPlan::default(), BTreeSet::new());
        let mut indexes = Vec::new();
        for decided in self.fields.iter().filter_map(|cached| cached.decided.as_ref()) {
            plan.decisions.push(Arc::clone(&decided.field.decision));
            if let Some(bump) = &decided.field.bump {
                plan.bumps.push(bump.clone());
                indexes.push(&decided.indexes);
            }
        }
        let mut indexes = indexes.into_iter();
        plan.postpone(|bump| waits_for(bump, indexes.next()?, scan_state, &mut unread));
        (plan, unread)
    }
}
