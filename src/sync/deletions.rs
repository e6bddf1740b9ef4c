use super::dependencies::{Index, note_depths};
use super::plan_inputs::PlanInputs;
use super::report::WaitingDeletions;
use super::sync_plan::{DeletionStep, SyncPlan};
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::TargetState;
use crate::resource::{Authorship, GroupKind, MemberKey, MemberKeys, Origin, RetainReason, Wave, may_prune};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl SyncPlan {
    /// Decides which members of the set that are no longer declared are deleted now, wait for a person, or are retained.
    pub(super) fn consider_deletions(&mut self, declared: &TargetState, inputs: &PlanInputs<'_>) {
        let Undeclared {
            mut recorded,
            mut unknown,
            set,
        } = self.find_undeclared(declared, inputs);
        let (count, count_recorded) = (recorded.len() + unknown.len(), recorded.len());
        if count == 0 {
            return;
        }
        self.undeclared = uids(recorded.iter().chain(&unknown));
        let renatured = renatured(recorded.iter().chain(&unknown), declared, inputs);
        self.nature_changed = renatured.is_some();
        if !declared.complete {
            self.block_deletions(format!("{} not deleted: {}", counted(count), unread(declared)));
            return;
        }
        let mut unreadable = withhold_unreadable(&mut recorded, inputs);
        unreadable.extend(withhold_unreadable(&mut unknown, inputs));
        if let Some(obstacle) = unreadable.first() {
            self.block_deletions(format!("{} not deleted: {obstacle}", counted(unreadable.len())));
        }
        if is_confirmed(declared.commit, &uids(recorded.iter().chain(&unknown)), inputs) {
            self.is_confirmed = true;
            self.deletions = [recorded, unknown].concat();
            self.deletions.sort_by_key(order);
            return;
        }
        let mut reasons = Vec::new();
        let mut waiting = Vec::new();
        if !unknown.is_empty() {
            reasons.push(UNKNOWN_HISTORY.to_owned());
            waiting.extend(unknown);
        }
        // A removal is one act: what is deleted for it in several passes counts together.
        let now: BTreeSet<&ObjectId> = recorded.iter().map(|step| &step.id).collect();
        let earlier = inputs.deleted.iter().filter(|id| !now.contains(id)).count();
        match needs_confirmation(inputs, count_recorded, earlier, set, renatured) {
            Some(reason) if !recorded.is_empty() => {
                reasons.push(reason);
                waiting.extend(recorded);
            }
            _ => self.deletions = recorded,
        }
        if !waiting.is_empty() {
            self.waiting = Some(WaitingDeletions {
                remedy: format!(
                    "{} not deleted: {}; to delete, run `tidegate confirm {}`, or bring the manifests back",
                    counted(waiting.len()),
                    reasons.join("; "),
                    declared.commit.short()
                ),
                uids: uids(waiting.iter()),
                objects: waiting.into_iter().map(|step| step.id).collect(),
            });
        }
    }

    /// The members that may be pruned, later waves first, and the size of the set. Records why the others are retained.
    fn find_undeclared(&mut self, declared: &TargetState, inputs: &PlanInputs<'_>) -> Undeclared {
        let mut undeclared = Undeclared {
            set: inputs.observed.count(),
            ..Undeclared::default()
        };
        let strays = std::mem::take(&mut self.strays);
        for id in &strays {
            let Some(live) = inputs.observed.object(id) else {
                continue;
            };
            if inputs.protected.objects.contains(id) {
                continue;
            }
            match may_prune(id, live, inputs.members, inputs.protected) {
                Err(reason) => self.retained.push((id.clone(), reason)),
                Ok(_) if declared.suspended.holds(live.kustomization) => {
                    self.retained.push((id.clone(), RetainReason::Suspended));
                }
                Ok(_) if inputs.cache.has_deleted(id, &live.uid, inputs.now) => {}
                Ok(authorship) => {
                    if let Some(served) = inputs.kinds.preferred.get(&GroupKind::of(id)) {
                        let step = DeletionStep {
                            id: id.clone(),
                            served: served.clone(),
                            seen: live.clone(),
                            depth: 0,
                        };
                        match authorship {
                            Authorship::Recorded => undeclared.recorded.push(step),
                            Authorship::Unknown | Authorship::Foreign => undeclared.unknown.push(step),
                        }
                    }
                }
            }
        }
        self.strays = strays;
        undeclared.order(inputs);
        undeclared
    }
}

/// The members of the set that are not declared and may be pruned.
#[derive(Default)]
struct Undeclared {
    /// Objects that the agent applied, by its record.
    recorded: Vec<DeletionStep>,
    /// Objects that were labelled when there was no record.
    unknown: Vec<DeletionStep>,
    /// The size of the set.
    set: usize,
}

impl Undeclared {
    fn order(&mut self, inputs: &PlanInputs<'_>) {
        let lists = [&mut self.recorded, &mut self.unknown];
        let previous = inputs.previous.filter(|_| lists.iter().any(|steps| steps.len() > 1));
        let index = previous.map(|previous| Index::of(&previous.objects, inputs));
        for steps in lists {
            if let Some(index) = &index {
                note_depths(steps, index);
            }
            steps.sort_by_key(order);
        }
    }
}

const UNKNOWN_HISTORY: &str = "the set's record was lost, so that it is not known who made them";

fn order(step: &DeletionStep) -> (Reverse<usize>, Reverse<Wave>, ObjectId) {
    let wave = Wave::of(&step.served.kind.kind);
    (Reverse(step.depth), Reverse(wave), step.id.clone())
}

fn uids<'a>(steps: impl Iterator<Item = &'a DeletionStep>) -> MemberKeys {
    steps.map(|step| MemberKey::of_uid(&step.seen.uid)).collect()
}

/// Whether a person confirmed these deletions: by a commit that stands for these objects, or by the settings. The settings
/// name a commit, and count for the objects that waited at that commit, or that it is the first to delete.
fn is_confirmed(commit: CommitId, objects: &MemberKeys, inputs: &PlanInputs<'_>) -> bool {
    let approval = inputs.approval;
    let by_commit = approval.objects.is_some_and(|key| inputs.waited.covers(key, objects));
    let by_settings = approval
        .confirmed
        .is_some_and(|confirmed| match inputs.waited.at(confirmed) {
            Some(waited) => objects.is_subset(waited),
            None => confirmed == commit,
        });
    by_commit || by_settings
}

/// Why the deletions wait for a person; `None` if they do not.
fn needs_confirmation(
    inputs: &PlanInputs<'_>,
    deletions: usize,
    earlier: usize,
    set: usize,
    renatured: Option<&RepoPath>,
) -> Option<String> {
    if deletions == 0 {
        None
    } else if inputs.approval.history_broken {
        Some("the commit applied before is not an ancestor of this commit, or cannot be read".to_owned())
    } else if let Some(path) = renatured {
        Some(format!(
            "{path} is not read as it was before, so that what it declared looks removed"
        ))
    } else if inputs.limit.is_exceeded(deletions + earlier, set + earlier) {
        Some(format!(
            "a commit may not delete this many without confirmation (more than {} objects, or more than {} % of the \
             {set} in the set)",
            inputs.limit.count, inputs.limit.percent
        ))
    } else {
        None
    }
}

/// The first file or folder that declared one of the objects at the commit applied before, and is not read as manifests at
/// this commit: somebody put a `Chart.yaml` into the folder, or values into the file. Nobody removed the manifests.
fn renatured<'a, 's>(
    steps: impl Iterator<Item = &'s DeletionStep>,
    declared: &'a TargetState,
    inputs: &PlanInputs<'_>,
) -> Option<&'a RepoPath> {
    let previous = inputs.previous?;
    let missing: BTreeSet<&ObjectId> = steps.map(|step| &step.id).collect();
    if missing.is_empty() {
        return None;
    }
    let (skipped, before) = (times(declared), times(previous));
    let is_new = |path: &&RepoPath| skipped.get(path) > before.get(path);
    let new: Vec<&RepoPath> = declared.skipped().filter(is_new).collect();
    let mut folders: BTreeMap<&RepoPath, Option<&RepoPath>> = BTreeMap::new();
    previous.objects.iter().find_map(|object| {
        let served = inputs.kinds.preferred.get(&GroupKind::of(&object.id))?;
        if !missing.contains(&served.resolve(&object.id, inputs.default_namespace)) {
            return None;
        }
        let path = object.origin.path();
        let around = new.iter().find(|skipped| path.is_within(skipped)).copied();
        around.or_else(|| match &object.origin {
            Origin::Rendered { folder } => *folders
                .entry(folder)
                .or_insert_with(|| no_longer_rendered(folder, declared)),
            Origin::File { .. } | Origin::Release { .. } => None,
        })
    })
}

/// How often each path is named as one that is not read.
fn times(state: &TargetState) -> BTreeMap<&RepoPath, usize> {
    let mut times = BTreeMap::new();
    for path in state.skipped() {
        *times.entry(path).or_default() += 1;
    }
    times
}

/// A file that stands in a folder which was rendered, and is a plain manifest now: somebody took the kustomization away, and not
/// what it was made of.
fn no_longer_rendered<'a>(folder: &RepoPath, declared: &'a TargetState) -> Option<&'a RepoPath> {
    if declared.units.contains(folder) {
        return None;
    }
    let mut plain = declared.objects.iter().filter_map(|object| match &object.origin {
        Origin::File { path, .. } => Some(path),
        Origin::Rendered { .. } | Origin::Release { .. } => None,
    });
    plain.find(|path| path.is_within(folder))
}

fn counted(objects: usize) -> String {
    match objects {
        1 => "1 object that is no longer declared was".to_owned(),
        more => format!("{more} objects that are no longer declared were"),
    }
}

/// What could not be read. A path or folder that is not read as a whole says why in words of its own; a file that is wrong is
/// reported with its line, among the errors of the commit.
fn unread(declared: &TargetState) -> String {
    let errors = declared.findings.iter().filter(|finding| finding.is_error());
    let mut unread = errors.filter(|finding| finding.position.is_none() && finding.object.is_none());
    match unread.next() {
        Some(first) => first.to_string(),
        None => "not every file of the commit could be read; correct the files that are reported".to_owned(),
    }
}

/// Takes the deletions out whose kinds cannot be read. Returns a reason for each.
fn withhold_unreadable(steps: &mut Vec<DeletionStep>, inputs: &PlanInputs<'_>) -> Vec<String> {
    let reasons = steps
        .iter()
        .filter_map(|step| unreadable(&GroupKind::of(&step.id), inputs));
    let reasons = reasons.collect();
    steps.retain(|step| unreadable(&GroupKind::of(&step.id), inputs).is_none());
    reasons
}

/// Why the absence of an object of this kind proves nothing at the moment. Other kinds are not concerned.
fn unreadable(kind: &GroupKind, inputs: &PlanInputs<'_>) -> Option<String> {
    if inputs.kinds.unanswered.contains(&kind.group) {
        return Some(format!(
            "the server behind API group {} does not answer, so that it is not certain what is declared",
            kind.group
        ));
    }
    let view = inputs.observed.kinds.get(kind);
    (!view.is_some_and(|view| view.synced)).then(|| {
        let reason = view.and_then(|view| view.failing.as_deref()).unwrap_or("not read yet");
        format!("objects of kind {kind} cannot be read at the moment: {reason}")
    })
}
