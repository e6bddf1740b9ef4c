//! The decisions about all automated fields, from pass to pass. The cost of a pass follows what changed since the pass before.
//!
//! A decision about a field rests on the field itself, on what is known about its repositories, on the field's hold, and in
//! some cases on the time at which the field was written. A field is decided again when one of these changed, and only then.
//! The cache holds nothing that could not be read again: an empty cache decides about every field.

use super::check_platforms::{index_images, mark_unfit, waits_for};
use super::decide_with_history::{Extent, decide_with_history, needs_whole_history};
use super::history_reader::{FieldHistory, HistoryReader};
use super::{automated_fields, inputs::Inputs};
use crate::history::Hold;
use crate::model::{CommitId, FieldId, RepoPath, Repository};
use crate::plan::{self, AutomatedField, BumpPlan, DecidedField, Included, Outcome, Tags};
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, ImageKey, RepoFailure, Revision, ScanState};
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
    /// The fields that name each repository.
    by_repository: BTreeMap<Repository, Vec<usize>>,
    /// The repositories whose tags the decisions need.
    repositories: Arc<BTreeSet<Repository>>,
    /// The scans up to this revision are in the decisions.
    scans: Revision,
    /// The history that is in the decisions.
    history: Option<(u64, Extent)>,
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

/// A decision, and what it rests on.
#[derive(Debug)]
struct Decided {
    field: DecidedField,
    /// The image indexes that the bump moves to: their platforms must be known first.
    indexes: Vec<ImageKey>,
    hold: Option<Hold>,
    since: Timestamp,
    /// Whether a time of the history lies in the future, so that the decision rests on the time of the pass.
    rests_on_now: bool,
}

impl Decided {
    fn holds_with(&self, past: &FieldHistory, extent: Extent, field: &FieldId) -> bool {
        past.holds.get(field) == self.hold.as_ref()
            && (!self.field.rests_on_since || extent.since(past, field) == self.since)
    }
}

impl DecisionCache {
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
            self.set_fields(automated_fields::fields(declared), rules);
            self.declared = Arc::downgrade(declared);
        }
    }

    /// Takes the automated fields. The decisions about fields that are as before stay.
    pub(super) fn set_fields(&mut self, mut fields: Vec<AutomatedField>, rules: &ScanRules) {
        fields.sort_by(|a, b| (&a.path, a.position, &a.field).cmp(&(&b.path, b.position, &b.field)));
        let repositories = automated_fields::repositories(&fields, rules);
        if repositories != *self.repositories {
            self.repositories = Arc::new(repositories);
        }
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
    }

    /// Decides on `head`. The second value is true if the plan waits for the platforms of images that nobody has asked
    /// for before.
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
        let is_new = inputs.scan_state.set_images(unread);
        Ok((plan, is_new))
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
        let is_new_history = self.history != Some((past.revision, extent));
        let is_stale = |cached: &CachedField| {
            cached.decided.as_ref().is_none_or(|decided| {
                let holds = || decided.holds_with(past, extent, &cached.field.field);
                decided.rests_on_now || is_new_history && !holds()
            })
        };
        let mut stale: Vec<usize> = (0..self.fields.len())
            .filter(|index| is_stale(&self.fields[*index]))
            .collect();
        stale.sort_by_cached_key(|index| self.fields[*index].field.bumped_image().repository());
        let mut listings = Listings::new(inputs);
        for index in stale {
            let cached = &mut self.fields[index];
            cached.decided = None;
            cached.decided = Some(listings.decide(&cached.field, past, extent, now));
            self.work.fields += 1;
        }
        self.work.listings += listings.judged;
        self.history = Some((past.revision, extent));
        let decided = self.fields.iter().filter_map(|cached| cached.decided.as_ref());
        decided
            .map(|decided| decided.field.decision.outcome)
            .any(needs_whole_history)
    }

    /// The plan, without the bumps to image indexes whose platforms are not known; and these images.
    fn plan(&self, scan_state: &ScanState) -> (BumpPlan, BTreeSet<ImageKey>) {
        let (mut plan, mut unread) = (BumpPlan::default(), BTreeSet::new());
        for decided in self.fields.iter().filter_map(|cached| cached.decided.as_ref()) {
            let mut decision = Arc::clone(&decided.field.decision);
            if let Some(bump) = &decided.field.bump {
                match waits_for(bump, &decided.indexes, scan_state, &mut unread) {
                    Some(reason) => {
                        let decision = Arc::make_mut(&mut decision);
                        (decision.outcome, decision.reason) = (Outcome::Unknown, reason);
                    }
                    None => plan.bumps.push(bump.clone()),
                }
            }
            plan.decisions.push(decision);
        }
        (plan, unread)
    }
}

/// The tags of the repositories that the fields in hand need. Fields come ordered by repository, so that a few listings in
/// memory are enough and none is taken apart twice.
struct Listings<'a> {
    inputs: &'a Inputs<'a>,
    tags: BTreeMap<Repository, Tags>,
    judged: usize,
}

/// Listings in memory at once. A field with more repositories keeps all of its own.
const AT_ONCE: usize = 4;

impl<'a> Listings<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        Self {
            inputs,
            tags: BTreeMap::new(),
            judged: 0,
        }
    }

    fn decide(&mut self, field: &AutomatedField, past: &FieldHistory, extent: Extent, now: Timestamp) -> Decided {
        let repositories = field.repositories();
        if self.tags.len() >= AT_ONCE {
            self.tags.retain(|repository, _| repositories.contains(repository));
        }
        for repository in repositories {
            if !self.tags.contains_key(&repository) {
                let tags = self.read(&repository);
                self.judged += usize::from(matches!(tags, Tags::Listed(_)));
                self.tags.insert(repository, tags);
            }
        }
        let since = extent.since(past, &field.field);
        let hold = past.holds.get(&field.field).cloned();
        let rejected = hold.iter().flat_map(|hold| &hold.rejected);
        let rests_on_now = since > now || rejected.map(|rejected| rejected.at).any(|at| at > now);
        let inputs = self.inputs;
        let decided = plan::decide_field(
            field,
            &plan::Observed {
                tags: &self.tags,
                holds: &past.holds,
                since: &BTreeMap::from([(field.field.clone(), since)]),
                included: &|repository| included(inputs.rules, repository),
                now,
                until: inputs.until,
            },
        );
        Decided {
            indexes: decided
                .bump
                .iter()
                .flat_map(|bump| index_images(bump, &self.tags))
                .collect(),
            field: decided,
            hold,
            since,
            rests_on_now,
        }
    }

    /// The tags of a repository, or why they are not known.
    fn read(&self, repository: &Repository) -> Tags {
        let Inputs { rules, scan_state, .. } = self.inputs;
        if let Err(reason) = rules.allows(repository) {
            return Tags::Unknown(reason);
        }
        match scan_state.scan(repository).map(|scan| scan.result) {
            None => Tags::Unknown("not scanned yet".into()),
            Some(Err(failure)) => Tags::Unknown(failure.to_string()),
            Some(Ok(listing)) => {
                let mut candidates = automated_fields::candidates(&listing);
                mark_unfit(&mut candidates, rules.platforms(), &scan_state.platforms(repository));
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
