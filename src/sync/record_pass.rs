use super::pass_outcome::PassOutcome;
use super::plan_inputs::Approval;
use super::report::{FailedObject, SyncReport};
use super::sync_plan::SyncPlan;
use super::syncer::{Syncer, UNKNOWN_KINDS};
use super::unsettled::Declared;
use crate::model::{CommitId, ObjectId};
use crate::port::{ClusterFailure, Kinds, Observed, Record, RecordStore, TargetApi, TargetState};
use crate::resource::{CommitHealth, GroupKind, Ignore, KindVersion, LastReady, MemberKey, Members, Run, Waited};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// How many problems a record lists.
const MAX_PROBLEMS: usize = 200;

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Completes the report with what the plan and the watches say. Returns the declared objects that the plan looked at.
    pub(super) fn complete_report(&mut self, plan: SyncPlan, kinds: &Kinds, report: &mut SyncReport) -> Vec<Declared> {
        let now = Instant::now();
        for failed in plan.failed {
            let is_known = |known: &FailedObject| known.id == failed.id && known.path == failed.path;
            if !report.failed.iter().any(is_known) {
                report.failed.push(failed);
            }
        }
        report.failed.sort_by(|a, b| (&a.path, &a.id).cmp(&(&b.path, &b.id)));
        report.pruned.sort();
        report.untouched = plan.untouched;
        report.waiting = plan.waiting;
        report.prune_blocked = plan.prune_blocked;
        report.retained = plan.retained;
        report.drifted = plan.drifted;
        report.contended = plan.contended;
        if let Some(at) = plan.next {
            report.wait_at_most(at.saturating_duration_since(now));
        }
        if let Some(at) = self.restored.next() {
            report.wait_at_most(at.saturating_duration_since(now));
        }
        for failed in &report.failed.clone() {
            let entry = self.cache.entry(&failed.id);
            if let Some(failure) = entry.and_then(|entry| entry.failure.as_ref()) {
                report.wait_at_most(failure.next.saturating_duration_since(now));
            }
        }
        let of_set = self.record.iter().flat_map(|record| &record.kinds);
        let is_unanswered = of_set.into_iter().any(|kind| kinds.unanswered.contains(&kind.group));
        if !plan.unknown.is_empty() || report.prune_blocked.is_some() || is_unanswered {
            report.wait_at_most(UNKNOWN_KINDS);
        }
        let (rollouts, cache) = (&mut self.rollouts, &self.cache);
        let settle = |observed: &Observed| rollouts.unsettled(&plan.hashes, (observed, cache), now);
        let (unsettled, late_at) = self.target.api.observed().read(settle);
        report.unsettled = unsettled;
        if let Some(at) = late_at {
            report.wait_at_most(at.saturating_duration_since(now));
        }
        self.target.api.observed().read(|observed| {
            let is_applied = |id: &&ObjectId| {
                let object = plan.declared.get(*id);
                object.is_some_and(|object| object.intent.ignore != Ignore::Yes)
            };
            for id in plan.restless.iter().filter(is_applied) {
                let shown = observed.object(id).filter(|live| !cache.is_ahead_of(id, live));
                if let Some(live) = shown.filter(|live| !live.health.is_settled()) {
                    report.unready.push((id.clone(), live.health.clone()));
                }
            }
            let some_answer = observed.kinds.values().any(|view| view.synced);
            for (kind, view) in &observed.kinds {
                // A server behind a group is away while the API server answers.
                let is_group = kinds.unanswered.contains(&kind.group) || (!kind.is_built_in() && some_answer);
                match &view.failing {
                    Some(reason) if view.away && !is_group => report.outage = Some(reason.clone()),
                    Some(reason) => report.unwatched.push((kind.clone(), reason.clone())),
                    None => {}
                }
            }
        });
        plan.hashes
    }

    /// Writes the record if it differs from the stored one.
    pub(super) async fn record_pass(
        &mut self,
        declared: &TargetState,
        kinds: &Kinds,
        approval: Approval,
        outcome: PassOutcome,
        report: &SyncReport,
    ) -> Result<(), ClusterFailure> {
        let api = Arc::clone(&self.target.api);
        let is_shorter = !report.pruned.is_empty();
        let cache = &self.cache;
        let authors = &mut self.authors;
        api.observed()
            .read(|observed| authors.settle(observed, cache, is_shorter));
        let problems = report.problems();
        let runs = self.cache.runs().clone();
        let versions = self.agenda.versions().clone();
        let (is_ready_used, ready) = (self.healths.is_history_used(), Arc::clone(&self.ready));
        let next = |record: &Record| Summary {
            // While deletions wait, the target still holds the state of the commit before. If a broken history asked for a
            // confirmation, or a folder that is not read any more did, and a bad file blocked the deletions, correcting the
            // file must not skip the confirmation.
            commit: match (&report.waiting, &report.prune_blocked) {
                (Some(_), _) => record.commit,
                (None, Some(_)) if approval.history_broken || outcome.nature_changed => record.commit,
                _ => Some(declared.commit),
            },
            kinds: api
                .observed()
                .read(|observed| kinds_of_set(&versions, kinds, report, record, observed)),
            waited: waited(&record.waited, declared.commit, approval, &outcome),
            status: match problems.len() {
                0 => format!("in sync: {} objects", report.declared),
                1 => format!("{} objects, 1 problem", report.declared),
                count => format!("{} objects, {count} problems", report.declared),
            },
            problems: problems.iter().take(MAX_PROBLEMS).cloned().collect(),
            health: report.health.or(record.health),
            ready: match is_ready_used {
                Some(true) => Arc::clone(&ready),
                Some(false) => Arc::default(),
                None => Arc::clone(&record.ready),
            },
        };
        // A large record is not copied to find out that it stays as it is.
        let is_kept = |record: &Record| next(record).is(record) && record.runs == runs;
        if is_kept(self.record().await?) && !self.authors.is_unrecorded() {
            self.look_at_record().await?;
            if is_kept(self.record().await?) && !self.authors.is_unrecorded() {
                return Ok(());
            }
        }
        self.write_record(|record, members| next(record).record(members.clone(), runs.clone()))
            .await
    }
}

/// What a pass says in the record, besides the lists of members and runs.
struct Summary {
    commit: Option<CommitId>,
    kinds: BTreeSet<GroupKind>,
    waited: Waited,
    status: String,
    problems: Vec<String>,
    health: Option<CommitHealth>,
    ready: Arc<BTreeMap<MemberKey, LastReady>>,
}

impl Summary {
    fn is(&self, record: &Record) -> bool {
        self.commit == record.commit
            && self.kinds == record.kinds
            && self.waited == record.waited
            && self.status == record.status
            && self.problems == record.problems
            && self.health == record.health
            && self.ready == record.ready
    }

    fn record(self, members: Members, runs: BTreeMap<ObjectId, Run>) -> Record {
        Record {
            commit: self.commit,
            kinds: self.kinds,
            members: Some(members),
            runs,
            waited: self.waited,
            status: self.status,
            problems: self.problems,
            health: self.health,
            ready: self.ready,
        }
    }
}

/// The deletions that have waited since the last pass that had none. What a confirmed commit stands for stays: a commit is
/// confirmed once, for the objects that it was to delete then.
fn waited(before: &Waited, commit: CommitId, approval: Approval, outcome: &PassOutcome) -> Waited {
    let mut waited = before.clone();
    if outcome.is_settled {
        waited.keep_only(approval.confirmed);
    } else if let Some(asked) = &outcome.asked
        && (approval.confirmed != Some(commit) || waited.at(commit).is_none())
    {
        waited.note(commit, asked);
    }
    waited
}

/// The kinds that the set may still have: the declared kinds, and the recorded kinds that may still have objects.
fn kinds_of_set(
    declared: &BTreeSet<KindVersion>,
    kinds: &Kinds,
    report: &SyncReport,
    record: &Record,
    observed: &Observed,
) -> BTreeSet<GroupKind> {
    let may_shrink = report.is_in_sync();
    let may_have_objects = |kind: &&GroupKind| {
        let view = observed.kinds.get(*kind);
        !may_shrink
            || kinds.unanswered.contains(&kind.group)
            || view.is_some_and(|view| !view.synced || !view.objects().is_empty())
            || (view.is_none() && kinds.preferred.contains_key(*kind))
    };
    let mut held: BTreeSet<GroupKind> = declared.iter().map(|version| version.kind.clone()).collect();
    held.extend(record.kinds.iter().filter(may_have_objects).cloned());
    held.retain(|kind| kinds.preferred.contains_key(kind) || record.kinds.contains(kind));
    held
}
