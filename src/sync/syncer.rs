use super::agenda::Agenda;
use super::apply_cache::ApplyCache;
use super::authors::Authors;
use super::deleted_for::DeletedFor;
use super::field_audit::FieldAudit;
use super::marks::Marks;
use super::pass_outcome::{OVERTAKEN, PassOutcome};
use super::plan_inputs::{Approval, PlanInputs};
use super::pod_looks::PodLooks;
use super::report::SyncReport;
use super::restored::Restored;
use super::sync_plan::{ApplyStep, SyncPlan};
use super::target::Target;
use super::unsettled::{Declared, Rollouts};
use super::withheld::withhold;
use crate::model::{Backoff, CommitId, ObjectId, TargetId};
use crate::port::{
    ClusterFailure, Freshness, KindView, Kinds, ObjectHealths, Observed, ObservedStore, Record, RecordStore, TargetApi,
    TargetState,
};
use crate::resource::{Adoption, DeletionLimit, Drift, GroupKind, KindVersion, LastReady, MemberKey, SetId, Waited};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The first list of all kinds takes well below a second. A kind that takes longer is not waited for, only not pruned.
const FIRST_LISTS: Duration = Duration::from_secs(10);
/// Aggregated discovery follows an established definition within a second or two. Nothing announces it.
const DISCOVERY: Duration = Duration::from_secs(5);
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_millis(200);
/// How often the server is asked again about a kind that it does not serve, without another reason.
pub(super) const UNKNOWN_KINDS: Duration = Duration::from_secs(30);

/// Makes one target equal to the declared state, pass by pass.
pub struct Syncer<A, R> {
    pub(super) target: Target<A, R>,
    pub(super) set: SetId,
    pub(super) cache: ApplyCache,
    pub(super) agenda: Agenda,
    pub(super) marks: Marks,
    pub(super) restored: Restored,
    pub(super) adoption: Adoption,
    additions: Drift,
    pub(super) limit: DeletionLimit,
    pub(super) record: Option<Record>,
    /// When the record was read or written last.
    pub(super) record_seen: Option<Instant>,
    /// The commit in the record at the beginning of the pass.
    pub(super) began_with: Option<CommitId>,
    /// How many objects were recreated for a commit.
    pub(super) recreated: Option<(CommitId, usize)>,
    /// What this process deleted without a confirmation since a commit removed objects.
    deleted: DeletedFor,
    /// What the commit in the record declares, if it is known, and what the latest commit declares.
    states: Vec<Arc<TargetState>>,
    pub(super) authors: Authors,
    pub(super) rollouts: Rollouts,
    pub(super) pod_looks: PodLooks,
    pub(super) healths: ObjectHealths,
    /// Which manifest of each workload was ready last.
    pub(super) ready: Arc<BTreeMap<MemberKey, LastReady>>,
    asked_at: Option<(CommitId, Instant)>,
    pub(super) field_audit: FieldAudit,
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// A syncer that remembers nothing yet: its first pass applies every object.
    pub fn new(target: Target<A, R>, limit: DeletionLimit) -> Self {
        Self {
            set: target.record.set().id(),
            target,
            adoption: Adoption::default(),
            additions: Drift::default(),
            limit,
            cache: ApplyCache::default(),
            agenda: Agenda::default(),
            marks: Marks::default(),
            restored: Restored::default(),
            record: None,
            record_seen: None,
            began_with: None,
            recreated: None,
            deleted: DeletedFor::default(),
            states: Vec::new(),
            authors: Authors::default(),
            rollouts: Rollouts::default(),
            pod_looks: PodLooks::default(),
            healths: ObjectHealths::default(),
            ready: Arc::default(),
            asked_at: None,
            field_audit: FieldAudit::default(),
        }
    }

    /// Sets which objects of others are taken over without an annotation.
    pub fn adopting(mut self, adoption: Adoption) -> Self {
        self.adoption = adoption;
        self
    }

    /// Sets what is done about fields that people add to live objects.
    pub fn handling_additions(mut self, additions: Drift) -> Self {
        self.additions = additions;
        self
    }

    /// Publishes the health of the workloads there.
    pub fn publishing(mut self, healths: ObjectHealths) -> Self {
        self.healths = healths;
        self
    }

    /// What the syncer knows of its applies, to be kept for the next process, and where.
    pub fn marks(&self) -> (Marks, Arc<R>) {
        (self.marks.clone(), Arc::clone(&self.target.record))
    }

    /// The target's name.
    pub fn target(&self) -> &TargetId {
        &self.target.id
    }

    /// What the watches show. A subscriber can wake the next pass.
    pub fn observed(&self) -> &ObservedStore {
        self.target.api.observed()
    }

    /// The last commit that was applied completely, by the target's record. The record is read once and then remembered.
    ///
    /// # Errors
    /// The record cannot be read.
    pub async fn last_applied(&mut self) -> Result<Option<CommitId>, ClusterFailure> {
        Ok(self.record().await?.commit)
    }

    /// Whether the syncer knows what a commit declares.
    pub(super) fn knows(&self, commit: CommitId) -> bool {
        self.states.iter().any(|state| state.commit == commit)
    }

    /// Notes what a commit declares. A pass compares the commit in the record with its own: what is no longer declared
    /// because a folder changed its nature waits for a person.
    pub fn note_state(&mut self, state: &Arc<TargetState>) {
        let recorded = self.record.as_ref().and_then(|record| record.commit);
        self.states
            .retain(|known| Some(known.commit) == recorded && known.commit != state.commit);
        self.states.push(Arc::clone(state));
        self.deleted.follow(state);
    }

    /// Makes the target equal to the declared state, as far as it is possible now.
    pub async fn pass(&mut self, declared: &TargetState, approval: Approval) -> SyncReport {
        let started = Instant::now();
        let before = self.target.api.requests();
        let mut report = SyncReport::new(self.target.id.clone(), declared.commit);
        report.declared = declared.objects.len();
        report.findings = declared.findings.clone();
        report.complete = declared.complete;
        if let Err(failure) = self.carry_out(declared, approval, &mut report).await {
            report.outage = Some(failure.to_string());
        }
        report.requests = self.target.api.requests() - before;
        report.took = started.elapsed();
        report
    }

    async fn carry_out(
        &mut self,
        declared: &TargetState,
        mut approval: Approval,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        // Reads the world.
        self.observed().change(Observed::forget_sent);
        self.began_with = self.record().await?.commit;
        self.restore_marks().await?;
        self.agenda.note_declared(&declared.objects);
        let versions = self.agenda.versions().clone();
        let freshness = self.freshness(declared.commit);
        let mut kinds = self.target.api.kinds(&versions, freshness).await?;
        self.claim(&versions, &kinds).await?;
        self.wait_for_lists().await;
        self.read_what_others_recorded().await?;
        approval.history_broken |= self.is_overtaken();
        // Decides, then writes the world. Once more if definitions brought new kinds.
        let mut next = self.plan(declared, &kinds, approval);
        (report.planned, report.missed) = (next.declared.len(), next.missed);
        self.claim_objects(&next).await?;
        let brings_kinds = !next.unknown.is_empty() && next.applies().any(is_definition);
        self.apply_waves(&next, report).await?;
        let mut looked_at: Vec<Declared> = Vec::new();
        if brings_kinds {
            looked_at = std::mem::take(&mut next.hashes);
            kinds = self.new_kinds(&versions).await?;
            self.claim(&versions, &kinds).await?;
            self.wait_for_lists().await;
            next = self.plan(declared, &kinds, approval);
            report.planned += next.declared.len();
            self.claim_objects(&next).await?;
            self.apply_waves(&next, report).await?;
        }
        if self.is_overtaken() {
            next.deletions.clear();
            next.block_deletions(OVERTAKEN.to_owned());
            approval.history_broken = true;
            report.wait_at_most(FIRST_LOOK);
        }
        self.make_way(&mut next, report).await?;
        let failed = report.failed.iter().chain(&next.failed).map(|failed| &failed.id);
        let awaiting = report.awaiting.iter().map(|awaiting| &awaiting.id);
        let refused: Vec<&ObjectId> = failed.chain(awaiting).collect();
        if let Some(reason) = withhold(&mut next.deletions, &refused) {
            next.block_deletions(reason);
        }
        self.prune(&next.deletions, report).await?;
        self.audit_one(&kinds, report).await;
        if !next.is_confirmed {
            let state = self.states.iter().find(|state| state.commit == declared.commit);
            if let Some(state) = state {
                self.deleted.note(state, &report.pruned);
            }
        }
        let outcome = PassOutcome::of(&next);
        looked_at.extend(self.complete_report(next, &kinds, report));
        self.look_at_pods(report).await;
        self.judge_health(&looked_at, report);
        self.record_pass(declared, &kinds, approval, outcome, report).await
    }

    /// Reads the world and plans, without the writes of a pass: kinds are watched, and not claimed in the record.
    pub(super) async fn plan_only(
        &mut self,
        declared: &TargetState,
        approval: Approval,
    ) -> Result<SyncPlan, ClusterFailure> {
        self.agenda.note_declared(&declared.objects);
        let versions = self.agenda.versions().clone();
        let kinds = self.target.api.kinds(&versions, Freshness::AskIfUnknown).await?;
        let mut watched: BTreeSet<GroupKind> = kinds.served.keys().map(|version| version.kind.clone()).collect();
        watched.extend(self.record().await?.kinds.iter().cloned());
        self.target.api.watch(&watched, &kinds);
        self.wait_for_lists().await;
        Ok(self.plan(declared, &kinds, approval))
    }

    pub(super) async fn record(&mut self) -> Result<&mut Record, ClusterFailure> {
        if self.record.is_none() {
            let record = self.target.record.read().await?.unwrap_or_default();
            self.authors = Authors::recorded(record.members.as_ref());
            self.cache.set_runs(record.runs.clone());
            self.ready = Arc::clone(&record.ready);
            self.record = Some(record);
            self.record_seen = Some(Instant::now());
        }
        Ok(self.record.get_or_insert_default())
    }

    fn freshness(&mut self, commit: CommitId) -> Freshness {
        let now = Instant::now();
        match self.asked_at {
            Some((asked, at)) if asked == commit && now.duration_since(at) < UNKNOWN_KINDS => Freshness::Cached,
            _ => {
                self.asked_at = Some((commit, now));
                Freshness::AskIfUnknown
            }
        }
    }

    /// Writes the kinds that the set will have into the record, before any of their objects is applied, and watches them:
    /// a later process must find every object that this process may have created.
    async fn claim(&mut self, versions: &BTreeSet<KindVersion>, kinds: &Kinds) -> Result<(), ClusterFailure> {
        let declared = versions.iter().filter(|version| kinds.served.contains_key(version));
        let declared: BTreeSet<GroupKind> = declared.map(|version| version.kind.clone()).collect();
        if !declared.is_subset(&self.record().await?.kinds) {
            self.write_record(|record, _| Record {
                kinds: &record.kinds | &declared,
                ..record.clone()
            })
            .await?;
        }
        let claimed = self.record().await?.kinds.clone();
        self.target.api.watch(&claimed, kinds);
        Ok(())
    }

    /// Waits until each watch has delivered its first list or has failed.
    async fn wait_for_lists(&self) {
        let listed = |observed: &Observed| {
            let settled = |view: &KindView| view.synced || view.failing.is_some();
            observed.kinds.values().all(settled)
        };
        self.wait_until(FIRST_LISTS, listed).await;
    }

    /// Waits until the watches show a condition. Returns false after the deadline.
    pub(super) async fn wait_until(&self, deadline: Duration, condition: impl Fn(&Observed) -> bool) -> bool {
        let store = self.target.api.observed();
        let mut changes = store.subscribe();
        let met = async {
            while !store.read(&condition) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(deadline, met).await.is_ok()
    }

    fn plan(&mut self, declared: &TargetState, kinds: &Kinds, approval: Approval) -> SyncPlan {
        let now = Instant::now();
        let never = Waited::default();
        let recorded = self.record.as_ref().and_then(|record| record.commit);
        let before = recorded.filter(|commit| *commit != declared.commit);
        let previous = self.states.iter().find(|state| Some(state.commit) == before);
        if self.authors.is_history_unknown() {
            self.agenda.forget();
        }
        let (agenda, authors, cache) = (&mut self.agenda, &mut self.authors, &mut self.cache);
        if let Some(id) = self.restored.take_due(now) {
            cache.ask(&id);
            agenda.add(id);
        }
        let (plan, gone) = self.target.api.observed().change(|observed| {
            cache.note_runs(observed);
            for view in observed.kinds.values_mut() {
                view.finished.clear();
            }
            authors.look(observed);
            let inputs = PlanInputs {
                kinds,
                members: authors.members(),
                waited: self.record.as_ref().map_or(&never, |record| &record.waited),
                observed,
                cache,
                default_namespace: self.target.api.default_namespace(),
                protected: &self.target.protected,
                previous: previous.map(|state| &**state),
                approval,
                additions: self.additions,
                limit: self.limit,
                deleted: self.deleted.objects(),
                now,
            };
            let (plan, gone) = agenda.plan(declared, &inputs);
            if gone.is_none() {
                authors.note_all(observed, cache);
            }
            (plan, gone)
        });
        self.note_plan(&plan, gone.as_deref(), declared.complete, now);
        plan
    }

    /// Notes in the cache what the plan found out. `gone`: the objects that are no longer declared; `None`: all that the plan
    /// does not have.
    fn note_plan(&mut self, plan: &SyncPlan, gone: Option<&[ObjectId]>, complete: bool, now: Instant) {
        for (id, object, hash) in &plan.hashes {
            self.cache.note_object(id, object, *hash);
        }
        for (id, hash, live) in &plan.recognised {
            self.cache.recognise(id, *hash, live, now);
            self.restored.add(id, now);
        }
        let Some(gone) = gone else {
            if self.cache.end_restore() && complete {
                let keys: BTreeSet<MemberKey> = plan.declared.keys().map(MemberKey::of_identity).collect();
                self.marks.retain(|key| keys.contains(key));
            }
            self.cache.retain(|id| plan.declared.contains_key(id), now);
            self.forget_health(None, |id| plan.declared.contains_key(id));
            if complete {
                self.cache.retain_runs(|id| plan.declared.contains_key(id));
                let keys: BTreeSet<MemberKey> = plan.declared.keys().map(MemberKey::of_identity).collect();
                if self.ready.keys().any(|key| !keys.contains(key)) {
                    Arc::make_mut(&mut self.ready).retain(|key, _| keys.contains(key));
                }
            }
            return;
        };
        self.cache.forget_deletions(now);
        self.forget_health(Some(gone), |_| true);
        for id in gone {
            self.cache.forget(id);
            self.marks.note(MemberKey::of_identity(id), None);
            if complete {
                self.cache.forget_run(id);
                let key = MemberKey::of_identity(id);
                if self.ready.contains_key(&key) {
                    Arc::make_mut(&mut self.ready).remove(&key);
                }
            }
        }
    }

    /// Asks until the new kinds are served, or until no more are to be expected.
    async fn new_kinds(&self, versions: &BTreeSet<KindVersion>) -> Result<Kinds, ClusterFailure> {
        let deadline = Instant::now() + DISCOVERY;
        let mut backoff = Backoff::new(FIRST_LOOK, LAST_LOOK);
        loop {
            let kinds = self.target.api.kinds(versions, Freshness::AskIfUnknown).await?;
            let pause = backoff.failed();
            if kinds.served.len() == versions.len() || Instant::now() + pause > deadline {
                return Ok(kinds);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

fn is_definition(step: &ApplyStep) -> bool {
    step.served
        .kind
        .kind
        .is("apiextensions.k8s.io", "CustomResourceDefinition")
}
