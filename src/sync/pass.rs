use super::ledger::Ledger;
use super::plan::{Application, Consent, DeletionStep, Reason, Surroundings, SyncPlan, plan};
use super::report::{AppliedObject, Change, FailedObject, SyncReport};
use crate::catalog::Declared;
use crate::model::{CommitId, ObjectId};
use crate::port::{
    Applied, Cluster, ClusterFailure, Deletion, Freshness, Kinds, Mode, Observed, ObservedStore, Record,
};
use crate::resource::{DeletionLimit, GroupKind, KindVersion, SetId, Wave, prepare};
use futures::StreamExt as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// 16 requests in flight take nearly all a small API server gives (measured: 8 give 75 %, 32 no more than 16) and stay far
/// below the 200 mutating requests it admits.
const IN_FLIGHT: usize = 16;
/// The first reading of all kinds takes well below a second; a kind that takes longer is not waited for, only not pruned.
const FIRST_READING: Duration = Duration::from_secs(10);
/// Definitions and namespaces become ready in milliseconds, or not at all.
const FOUNDATION: Duration = Duration::from_secs(15);
/// Aggregated discovery follows an established definition within a second or two; nothing announces it.
const DISCOVERY: Duration = Duration::from_secs(5);
/// How often a kind that is not served is asked for again without another reason.
const UNKNOWN_KINDS: Duration = Duration::from_secs(30);

/// The sync of one target.
pub struct Syncer<C> {
    cluster: Arc<C>,
    limit: DeletionLimit,
    set: SetId,
    ledger: Ledger,
    record: Option<Record>,
    asked_at: Option<(CommitId, Instant)>,
}

impl<C: Cluster> Syncer<C> {
    /// Of this cluster.
    pub fn new(cluster: Arc<C>, limit: DeletionLimit) -> Self {
        Self {
            set: cluster.set().id(),
            cluster,
            limit,
            ledger: Ledger::default(),
            record: None,
            asked_at: None,
        }
    }

    /// The watches' store: subscribe to it to wake the next pass.
    pub fn observed(&self) -> &ObservedStore {
        self.cluster.observed()
    }

    /// The last commit that was applied as a whole, by the target's record; read once, then known.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn last_applied(&mut self) -> Result<Option<CommitId>, ClusterFailure> {
        Ok(self.record().await?.commit)
    }

    /// Makes the target equal to the declared state, as far as it can be done now.
    pub async fn pass(&mut self, declared: &Declared, consent: Consent) -> SyncReport {
        let started = Instant::now();
        let before = self.cluster.requests();
        let mut report = SyncReport::new(declared.commit);
        report.declared = declared.objects.len();
        report.findings = declared.findings.len();
        if let Err(failure) = self.carry_out(declared, consent, &mut report).await {
            report.outage = Some(failure.to_string());
        }
        report.requests = self.cluster.requests() - before;
        report.took = started.elapsed();
        report
    }

    async fn carry_out(
        &mut self,
        declared: &Declared,
        consent: Consent,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        // Reads the world.
        self.record().await?;
        let versions = versions(declared);
        let freshness = self.freshness(declared.commit);
        let mut kinds = self.cluster.kinds(&versions, freshness).await?;
        self.claim(&versions, &kinds).await?;
        self.first_reading().await;
        // Decides, then writes the world; once more if definitions brought new kinds.
        let mut next = self.plan(declared, &kinds, consent);
        let brings_kinds = !next.unknown.is_empty() && next.applications().any(is_definition);
        self.apply_waves(&next, report).await?;
        if brings_kinds {
            kinds = self.new_kinds(&versions).await?;
            self.claim(&versions, &kinds).await?;
            self.first_reading().await;
            next = self.plan(declared, &kinds, consent);
            self.apply_waves(&next, report).await?;
        }
        self.prune(&next, report).await?;
        self.tell(next, report);
        self.finish(declared, &kinds, report).await
    }

    /// Reads the world and plans, without the writes of a pass: kinds are watched, and not claimed.
    pub(super) async fn look(
        &mut self,
        declared: &Declared,
        consent: Consent,
    ) -> Result<(SyncPlan, SetId), ClusterFailure> {
        let versions = versions(declared);
        let kinds = self.cluster.kinds(&versions, Freshness::AskIfUnknown).await?;
        let mut watched: BTreeSet<GroupKind> = kinds.served.keys().map(|version| version.kind.clone()).collect();
        watched.extend(self.record().await?.kinds.iter().cloned());
        self.cluster.watch(&watched, &kinds);
        self.first_reading().await;
        Ok((self.plan(declared, &kinds, consent), self.set.clone()))
    }

    pub(super) fn cluster(&self) -> &C {
        &self.cluster
    }

    async fn record(&mut self) -> Result<&mut Record, ClusterFailure> {
        if self.record.is_none() {
            self.record = Some(self.cluster.read_record().await?.unwrap_or_default());
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

    /// Writes into the record what kinds the set will hold, before any of them is applied, and watches them: a later
    /// process must find every object that this one may have made.
    async fn claim(&mut self, versions: &BTreeSet<KindVersion>, kinds: &Kinds) -> Result<(), ClusterFailure> {
        let declared = versions.iter().filter(|version| kinds.served.contains_key(version));
        let mut wanted: BTreeSet<GroupKind> = declared.map(|version| version.kind.clone()).collect();
        let cluster = self.cluster.clone();
        let record = self.record().await?;
        wanted.extend(record.kinds.iter().cloned());
        if wanted != record.kinds {
            let grown = Record {
                kinds: wanted.clone(),
                ..record.clone()
            };
            cluster.write_record(&grown).await?;
            *record = grown;
        }
        cluster.watch(&wanted, kinds);
        Ok(())
    }

    async fn first_reading(&self) {
        let read = |observed: &Observed| {
            let settled = |view: &crate::port::KindView| view.synced || view.failing.is_some();
            observed.kinds.values().all(settled)
        };
        self.wait_until(FIRST_READING, read).await;
    }

    async fn wait_until(&self, deadline: Duration, condition: impl Fn(&Observed) -> bool) -> bool {
        let store = self.cluster.observed();
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

    fn plan(&mut self, declared: &Declared, kinds: &Kinds, consent: Consent) -> SyncPlan {
        let now = Instant::now();
        let nothing = BTreeSet::new();
        let made = self.cluster.observed().read(|observed| {
            plan(
                declared,
                &Surroundings {
                    kinds,
                    recorded: self.record.as_ref().map_or(&nothing, |record| &record.kinds),
                    observed,
                    ledger: &self.ledger,
                    default_namespace: self.cluster.default_namespace(),
                    set: self.cluster.set(),
                    consent,
                    limit: self.limit,
                    now,
                },
            )
        });
        for (id, document, hash) in &made.hashes {
            self.ledger.note_document(id, document, *hash);
        }
        self.ledger.retain(|id| made.declared.contains(id), now);
        made
    }

    async fn apply_waves(&mut self, plan: &SyncPlan, report: &mut SyncReport) -> Result<(), ClusterFailure> {
        for (wave, applications) in &plan.waves {
            self.apply_wave(applications, report).await?;
            if *wave == Wave::Foundation {
                let is_last = plan.waves.len() == 1 && plan.unknown.is_empty();
                if !is_last {
                    self.wait_for_foundation(applications).await;
                }
            }
        }
        Ok(())
    }

    async fn apply_wave(
        &mut self,
        applications: &[Application],
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        let set = self.set.clone();
        let mut outage = None;
        let mut made_room = false;
        {
            let requests: Vec<_> = applications
                .iter()
                .map(|application| {
                    let (cluster, set) = (&cluster, &set);
                    async move {
                        let body = prepare(&application.document.value, &application.id, set);
                        let sent = cluster.apply(&application.served, &application.id, &body, Mode::Write);
                        (application, sent.await)
                    }
                })
                .collect();
            let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
            while let Some((application, answer)) = answers.next().await {
                match answer {
                    Ok(applied) => {
                        let done = self.note(application, &applied);
                        made_room |=
                            Wave::is_waited_for(&application.served.kind.kind) && done.change == Change::Created;
                        report.applied.push(done);
                    }
                    Err(failure) if failure.is_outage() => {
                        outage = Some(failure);
                        break;
                    }
                    Err(failure) => {
                        let message = failure.to_string();
                        self.ledger
                            .note_failed(&application.id, application.hash, message.clone(), Instant::now());
                        report.failed.push(FailedObject {
                            id: application.id.clone(),
                            path: Some(application.path.clone()),
                            message,
                        });
                    }
                }
            }
        }
        if made_room {
            self.ledger.forgive(Instant::now());
        }
        outage.map_or(Ok(()), Err)
    }

    fn note(&mut self, application: &Application, applied: &Applied) -> AppliedObject {
        let now = Instant::now();
        let id = &application.id;
        let seen = self.cluster.observed().read(|observed| observed.object(id).cloned());
        let mark = self.ledger.entry(id).and_then(|entry| entry.applied.as_ref());
        let was = |uid: &str, fingerprint, generation| {
            uid == applied.uid && fingerprint == applied.fingerprint && generation == applied.generation
        };
        let unmoved = match (mark, &seen) {
            (Some(mark), _) => was(&mark.uid, mark.fingerprint, mark.generation) && mark.version == applied.version,
            (None, Some(seen)) => was(&seen.uid, seen.fingerprint, seen.generation),
            (None, None) => false,
        };
        let (change, by) = match &application.reason {
            Reason::Drift(by) => (Change::Repaired, by.clone()),
            Reason::Gone => (Change::Repaired, None),
            _ if applied.created => (Change::Created, None),
            _ if unmoved => (Change::Unchanged, None),
            _ => (Change::Configured, None),
        };
        self.ledger.note_applied(id, application.hash, applied, now);
        if change == Change::Repaired {
            self.ledger.note_repaired(id, now);
        }
        AppliedObject {
            id: id.clone(),
            path: application.path.clone(),
            change,
            by,
        }
    }

    /// Until the watches show what was applied as established or active, or as hopeless.
    async fn wait_for_foundation(&self, applications: &[Application]) {
        let awaited: Vec<&ObjectId> = applications
            .iter()
            .filter(|application| Wave::is_waited_for(&application.served.kind.kind))
            .filter(|application| {
                let entry = self.ledger.entry(&application.id);
                entry.is_some_and(|entry| entry.applied.is_some())
            })
            .map(|application| &application.id)
            .collect();
        let all_there = |observed: &Observed| {
            awaited.iter().all(|id| {
                let watched = observed
                    .kinds
                    .get(&GroupKind::of(id))
                    .is_some_and(|view| view.failing.is_none());
                let settled =
                    |health: &crate::resource::Health| !matches!(health, crate::resource::Health::Progressing(_));
                !watched || observed.object(id).is_some_and(|live| settled(&live.health))
            })
        };
        if !self.wait_until(FOUNDATION, all_there).await {
            tracing::warn!("definitions or namespaces are not ready yet, going on without them");
        }
    }

    /// Asks until the new kinds are served, or no more come.
    async fn new_kinds(&self, versions: &BTreeSet<KindVersion>) -> Result<Kinds, ClusterFailure> {
        let deadline = Instant::now() + DISCOVERY;
        let mut pause = Duration::from_millis(50);
        loop {
            let kinds = self.cluster.kinds(versions, Freshness::AskIfUnknown).await?;
            if kinds.served.len() == versions.len() || Instant::now() + pause > deadline {
                return Ok(kinds);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    async fn prune(&mut self, plan: &SyncPlan, report: &mut SyncReport) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        for wave in plan.deletions.chunk_by(|a, b| wave_of(a) == wave_of(b)) {
            let requests: Vec<_> = wave
                .iter()
                .map(|step| {
                    let cluster = &cluster;
                    async move { (step, cluster.delete(&step.served, &step.id, &step.seen).await) }
                })
                .collect();
            let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
            while let Some((step, answer)) = answers.next().await {
                match answer {
                    Ok(outcome) => {
                        self.ledger.note_deleted(&step.id, &step.seen.uid, Instant::now());
                        if outcome == Deletion::Accepted {
                            report.pruned.push(step.id.clone());
                        }
                    }
                    // It changed since it was seen; the watch brings it and the next pass looks again.
                    Err(ClusterFailure::Conflict { .. }) => report.wait_at_most(Duration::from_secs(1)),
                    Err(failure) if failure.is_outage() => return Err(failure),
                    Err(failure) => {
                        report.failed.push(FailedObject {
                            id: step.id.clone(),
                            path: None,
                            message: format!("not deleted: {failure}"),
                        });
                        report.wait_at_most(UNKNOWN_KINDS);
                    }
                }
            }
        }
        Ok(())
    }

    fn tell(&self, plan: SyncPlan, report: &mut SyncReport) {
        let now = Instant::now();
        for failed in plan.failed {
            if !report
                .failed
                .iter()
                .any(|known| known.id == failed.id && known.path == failed.path)
            {
                report.failed.push(failed);
            }
        }
        report.failed.sort_by(|a, b| (&a.path, &a.id).cmp(&(&b.path, &b.id)));
        report.pruned.sort();
        report.untouched = plan.untouched;
        report.waiting = plan.waiting;
        report.prune_blocked = plan.prune_blocked;
        report.kept = plan.kept;
        report.drifted = plan.drifted;
        report.contested = plan.contested;
        if let Some(at) = plan.next {
            report.wait_at_most(at.saturating_duration_since(now));
        }
        for failed in &report.failed.clone() {
            let entry = self.ledger.entry(&failed.id);
            if let Some(failure) = entry.and_then(|entry| entry.failure.as_ref()) {
                report.wait_at_most(failure.next.saturating_duration_since(now));
            }
        }
        if !plan.unknown.is_empty() || report.prune_blocked.is_some() {
            report.wait_at_most(UNKNOWN_KINDS);
        }
        self.cluster.observed().read(|observed| {
            for id in &plan.declared {
                if let Some(live) = observed.object(id).filter(|live| !live.health.is_settled()) {
                    report.unready.push((id.clone(), live.health.clone()));
                }
            }
            for (kind, view) in &observed.kinds {
                if let Some(reason) = &view.failing {
                    report.unwatched.push((kind.clone(), reason.clone()));
                }
            }
        });
    }

    /// Writes the record if it says something new.
    async fn finish(&mut self, declared: &Declared, kinds: &Kinds, report: &SyncReport) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        let mut held: BTreeSet<GroupKind> = versions(declared).into_iter().map(|version| version.kind).collect();
        let may_shrink = report.is_in_sync() && kinds.unanswered.is_empty();
        let record = self.record().await?;
        cluster.observed().read(|observed| {
            let still_held = |kind: &&GroupKind| {
                let view = observed.kinds.get(*kind);
                !may_shrink
                    || view.is_some_and(|view| !view.synced || !view.objects.is_empty())
                    || (view.is_none() && kinds.preferred.contains_key(*kind))
            };
            held.extend(record.kinds.iter().filter(still_held).cloned());
            held.retain(|kind| kinds.preferred.contains_key(kind) || record.kinds.contains(kind));
        });
        let next = Record {
            // While deletions wait, the commit before is still the one whose state stands.
            commit: match report.waiting {
                None => Some(declared.commit),
                Some(_) => record.commit,
            },
            kinds: held,
            status: match report.problems().len() {
                0 => format!("in sync: {} objects", report.declared),
                count => format!("{} objects, {count} problems", report.declared),
            },
            problems: report.problems().into_iter().take(200).collect(),
        };
        if *record != next {
            cluster.write_record(&next).await?;
            *record = next;
        }
        Ok(())
    }
}

fn versions(declared: &Declared) -> BTreeSet<KindVersion> {
    let version = |object: &crate::catalog::DeclaredObject| {
        KindVersion::new(&object.document.api_version, &object.document.object.kind)
    };
    declared.objects.iter().map(version).collect()
}

fn is_definition(application: &Application) -> bool {
    application
        .served
        .kind
        .kind
        .is("apiextensions.k8s.io", "CustomResourceDefinition")
}

fn wave_of(step: &DeletionStep) -> Wave {
    Wave::of(&step.served.kind.kind)
}
