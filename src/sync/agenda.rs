//! What passes leave to each other, so that a pass plans what may have changed and nothing else.
//!
//! An object is at rest when the last plan that looked at it found nothing to do, nothing to report and nothing to wait for.
//! Such an object is planned again when the watch shows a change of it, when a commit brings another manifest of it, or when
//! something changes that concerns every object: the kinds that are served, a watch that begins or breaks off, a record that
//! another process wrote. All other objects stay on the agenda, and every pass plans them.
//!
//! Once in [`AUDIT`] everything is planned. Then nothing may come to light that the agenda did not have.

use super::declared_diff::DeclaredDiff;
use super::part::Part;
use super::plan_inputs::PlanInputs;
use super::sync_plan::{SyncPlan, plan, plan_part};
use crate::model::ObjectId;
use crate::port::{Kinds, Observed, SeenChanges, TargetState};
use crate::resource::{GroupKind, KindVersion, Object};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often everything is planned without another reason.
const AUDIT: Duration = Duration::from_secs(300);
/// A commit that changes fewer objects than this is planned in part, however few objects there are.
const FEW: usize = 64;

/// What the next plan looks at.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// What the latest commit declares, and in how many objects each kind.
    objects: Vec<Arc<Object>>,
    counts: BTreeMap<KindVersion, usize>,
    versions: BTreeSet<KindVersion>,
    /// The changes of `objects` that no plan has seen.
    diff: DeclaredDiff,
    /// Which changes the plans have seen, and which ones went out as news.
    planned: SeenChanges,
    announced: SeenChanges,
    /// What all plans since the last full one have in common; `None`: the next plan is a full one.
    basis: Option<Basis>,
    /// The declared objects, in their final namespaces.
    declared: BTreeMap<ObjectId, Arc<Object>>,
    /// The declared objects that are not at rest.
    open: BTreeSet<ObjectId>,
    /// The observed objects that are not declared.
    strays: BTreeSet<ObjectId>,
}

/// What concerns every object.
#[derive(Debug)]
struct Basis {
    kinds: Kinds,
    views: Vec<(GroupKind, u64, bool)>,
    complete: bool,
    planned_at: Instant,
}

impl Agenda {
    /// Notes what a commit declares.
    pub(super) fn note_declared(&mut self, objects: &[Arc<Object>]) {
        let diff = DeclaredDiff::of(&self.objects, objects);
        if diff.is_empty() && self.objects.len() == objects.len() {
            return;
        }
        let version = |object: &Object| KindVersion::new(&object.api_version, &object.id.kind);
        for object in &diff.added {
            *self.counts.entry(version(object)).or_default() += 1;
        }
        for object in &diff.removed {
            if let Some(count) = self.counts.get_mut(&version(object)) {
                *count -= 1;
            }
        }
        self.counts.retain(|_, count| *count > 0);
        self.versions = self.counts.keys().cloned().collect();
        self.objects = objects.to_vec();
        self.diff.removed.extend(diff.removed);
        self.diff.added.extend(diff.added);
    }

    /// Has the next plan look at an object.
    pub(super) fn add(&mut self, id: ObjectId) {
        if self.declared.contains_key(&id) {
            self.open.insert(id);
        }
    }

    /// What the last plan knew to be declared under this id.
    pub(super) fn declared(&self, id: &ObjectId) -> Option<&Arc<Object>> {
        self.declared.get(id)
    }

    /// The declared kinds, each in the version that its manifests name.
    pub(super) fn versions(&self) -> &BTreeSet<KindVersion> {
        &self.versions
    }

    /// The objects that the watches have shown since the last call; `None`: every object counts.
    pub(super) fn news(&mut self, observed: &Observed) -> Option<BTreeSet<ObjectId>> {
        let news = observed.changes(&mut self.announced);
        news.filter(|_| self.basis.is_some())
    }

    /// Makes the next plan a full one: something changed that concerns every object.
    pub(super) fn forget(&mut self) {
        self.basis = None;
    }

    /// Plans what may have changed, or everything. Returns the objects that are no longer declared; `None` after a full plan,
    /// which knows all that are.
    pub(super) fn plan(
        &mut self,
        declared: &TargetState,
        inputs: &PlanInputs<'_>,
    ) -> (SyncPlan, Option<Vec<ObjectId>>) {
        let views = views(inputs.observed);
        let part = self.part(declared, inputs, &views);
        let is_due = |basis: &Basis| inputs.now.duration_since(basis.planned_at) >= AUDIT;
        if let Some(part) = part.as_ref().filter(|_| !self.basis.as_ref().is_none_or(is_due)) {
            let plan = plan_part(declared, part, inputs);
            #[cfg(test)]
            super::agenda_test::assert_same(&plan, &super::sync_plan::plan(declared, inputs));
            self.open.clone_from(&plan.restless);
            return (plan, Some(part.gone.clone()));
        }
        let mut plan = plan(declared, inputs);
        plan.missed = part.map(|_| self.missed(&plan));
        self.open.clone_from(&plan.restless);
        self.strays = std::mem::take(&mut plan.strays);
        self.declared.clone_from(&plan.declared);
        self.basis = (plan.declared.len() == declared.objects.len()).then(|| Basis {
            kinds: inputs.kinds.clone(),
            views,
            complete: declared.complete,
            planned_at: inputs.now,
        });
        (plan, None)
    }

    /// The part that may have changed. `None` if this cannot be known.
    fn part(
        &mut self,
        declared: &TargetState,
        inputs: &PlanInputs<'_>,
        views: &[(GroupKind, u64, bool)],
    ) -> Option<Part> {
        let diff = std::mem::take(&mut self.diff);
        let changed = inputs.observed.changes(&mut self.planned);
        let basis = self.basis.as_ref()?;
        let is_same = basis.kinds == *inputs.kinds && basis.views == views && basis.complete == declared.complete;
        let is_small = diff.len() < FEW.max(self.objects.len() / 4);
        let gone = match is_same && is_small {
            true => self.follow(&diff, inputs),
            false => None,
        };
        let (Some(gone), Some(changed)) = (gone, changed) else {
            self.basis = None;
            return None;
        };
        for id in changed.into_iter().chain(gone.iter().cloned()) {
            if self.declared.contains_key(&id) {
                self.open.insert(id);
            } else if inputs.observed.object(&id).is_some() {
                self.strays.insert(id);
            } else {
                self.strays.remove(&id);
            }
        }
        Some(Part {
            objects: self.in_order(&declared.objects),
            at_rest: declared.objects.len() - self.open.len(),
            strays: self.strays.clone(),
            gone,
        })
    }

    /// Follows what a commit changes. Returns the objects that are no longer declared; `None` if an object is declared twice.
    fn follow(&mut self, diff: &DeclaredDiff, inputs: &PlanInputs<'_>) -> Option<Vec<ObjectId>> {
        let mut gone = BTreeSet::new();
        for object in &diff.removed {
            let id = inputs.resolve(object);
            // An object may have come and gone between two plans.
            if self.declared.get(&id).is_some_and(|known| Arc::ptr_eq(known, object)) {
                self.declared.remove(&id);
                self.open.remove(&id);
                gone.insert(id);
            }
        }
        for object in &diff.added {
            let id = inputs.resolve(object);
            if self.declared.contains_key(&id) {
                return None;
            }
            gone.remove(&id);
            self.strays.remove(&id);
            self.declared.insert(id.clone(), Arc::clone(object));
            self.open.insert(id);
        }
        (self.declared.len() == self.objects.len()).then(|| gone.into_iter().collect())
    }

    /// The open objects in the order in which the commit declares them.
    fn in_order(&self, objects: &[Arc<Object>]) -> Vec<Arc<Object>> {
        let mut open: Vec<(usize, Arc<Object>)> = Vec::with_capacity(self.open.len());
        for object in self.open.iter().filter_map(|id| self.declared.get(id)) {
            let is_it = |other: &Arc<Object>| Arc::ptr_eq(object, other);
            let start = objects.partition_point(|other| other.origin.path() < object.origin.path());
            let near = objects[start..]
                .iter()
                .take_while(|other| other.origin.path() == object.origin.path());
            let at = near.clone().position(is_it).map(|at| start + at);
            let at = at.or_else(|| objects.iter().position(is_it));
            open.push((at.unwrap_or(usize::MAX), Arc::clone(object)));
        }
        open.sort_by_key(|(at, _)| *at);
        open.into_iter().map(|(_, object)| object).collect()
    }

    /// How many objects a full plan shows in another light than the agenda.
    fn missed(&self, full: &SyncPlan) -> usize {
        let restless = full.restless.difference(&self.open).count();
        let strays = full.strays.symmetric_difference(&self.strays).count();
        let declared = full
            .declared
            .keys()
            .filter(|id| !self.declared.contains_key(id))
            .count();
        restless + strays + declared
    }
}

fn views(observed: &Observed) -> Vec<(GroupKind, u64, bool)> {
    let view = observed.kinds.iter();
    view.map(|(kind, view)| (kind.clone(), view.life(), view.synced))
        .collect()
}
