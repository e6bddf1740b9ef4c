use super::ledger::Ledger;
use super::plan::{Application, Consent, Surroundings, SyncPlan, plan};
use super::report::SyncReport;
use crate::model::{CommitId, ObjectId};
use crate::port::{Cluster, ClusterFailure, Freshness, Kinds, Observed, ObservedStore, Record, TargetState};
use crate::resource::{DeletionLimit, GroupKind, KindVersion, SetId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The first reading of all kinds takes well below a second; a kind that takes longer is not waited for, only not pruned.
const FIRST_READING: Duration = Duration::from_secs(10);
/// Aggregated discovery follows an established definition within a second or two; nothing announces it.
const DISCOVERY: Duration = Duration::from_secs(5);
/// How often a kind that is not served is asked for again without another reason.
pub(super) const UNKNOWN_KINDS: Duration = Duration::from_secs(30);

/// The sync of one target.
pub struct Syncer<C> {
    pub(super) cluster: Arc<C>,
    limit: DeletionLimit,
    pub(super) set: SetId,
    pub(super) ledger: Ledger,
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
    pub async fn pass(&mut self, declared: &TargetState, consent: Consent) -> SyncReport {
        let started = Instant::now();
        let before = self.cluster.requests();
        let mut report = SyncReport::new(declared.commit);
        report.declared = declared.objects.len();
        report.findings = declared.findings.clone();
        if let Err(failure) = self.carry_out(declared, consent, &mut report).await {
            report.outage = Some(failure.to_string());
        }
        report.requests = self.cluster.requests() - before;
        report.took = started.elapsed();
        report
    }

    async fn carry_out(
        &mut self,
        declared: &TargetState,
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
        let refused = report
            .failed
            .first()
            .or(next.failed.first())
            .map(|failed| failed.id.clone());
        if let Some(refused) = refused.filter(|_| !next.deletions.is_empty()) {
            next.prune_blocked = Some(withheld(next.deletions.len(), &refused));
            next.deletions.clear();
        }
        self.prune(&next, report).await?;
        self.tell(next, report);
        self.finish(declared, &kinds, consent, report).await
    }

    /// Reads the world and plans, without the writes of a pass: kinds are watched, and not claimed.
    pub(super) async fn look(
        &mut self,
        declared: &TargetState,
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

    pub(super) async fn record(&mut self) -> Result<&mut Record, ClusterFailure> {
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

    pub(super) async fn wait_until(&self, deadline: Duration, condition: impl Fn(&Observed) -> bool) -> bool {
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

    fn plan(&mut self, declared: &TargetState, kinds: &Kinds, consent: Consent) -> SyncPlan {
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
        for (id, object, hash) in &made.hashes {
            self.ledger.note_declared(id, object, *hash);
        }
        self.ledger.retain(|id| made.declared.contains(id), now);
        made
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
}

pub(super) fn versions(declared: &TargetState) -> BTreeSet<KindVersion> {
    let objects = declared.objects.iter();
    objects
        .map(|object| KindVersion::new(&object.api_version, &object.id.kind))
        .collect()
}

/// What replaces an object is often declared in the same commit: while that is refused, the old one stays.
fn withheld(deletions: usize, refused: &ObjectId) -> String {
    let objects = if deletions == 1 {
        "1 object that is".into()
    } else {
        format!("{deletions} objects that are")
    };
    format!("{objects} no longer declared and not deleted: {refused} could not be applied; correct it first")
}

fn is_definition(application: &Application) -> bool {
    application
        .served
        .kind
        .kind
        .is("apiextensions.k8s.io", "CustomResourceDefinition")
}
