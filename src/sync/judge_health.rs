//! How far the commit has come, and how each workload is: for the report, and for the loops that decide by health.

use super::report::SyncReport;
use super::syncer::Syncer;
use super::unsettled::{Declared, Unsettled};
use crate::model::ObjectId;
use crate::port::{KindView, ObjectHealth, Observed, RecordStore, TargetApi, TargetHealth};
use crate::resource::{
    CommitHealth, ContainerImage, DesiredHash, GroupKind, Health, Ignore, LastReady, MemberKey, ObservedObject,
    container_images, is_workload,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The watch shows the agent's own write within milliseconds, and no event announces that nothing else follows.
const ECHO: Duration = Duration::from_secs(1);

/// What a pass saw.
struct Seen<'a> {
    unseen: &'a BTreeSet<ObjectId>,
    /// The objects that failed or are late.
    late: BTreeMap<&'a ObjectId, &'a str>,
    /// The objects that are not ready, with the reasons of their pods.
    unready: BTreeMap<&'a ObjectId, &'a Health>,
    report: &'a SyncReport,
    now: Timestamp,
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Judges the commit and publishes the health of the workloads that the pass looked at. The others are as they were.
    pub(super) fn judge_health(&mut self, looked_at: &[Declared], report: &mut SyncReport) {
        if report.outage.is_some() {
            return;
        }
        let unseen = self.unseen(looked_at);
        let late: Vec<&Unsettled> = report
            .unsettled
            .iter()
            .filter(|object| !object.is_terminating)
            .collect();
        let is_done = report.unready.is_empty() && unseen.is_empty() && report.awaiting.is_empty();
        let state = match (report.is_in_sync_but_for_awaiting(), !late.is_empty()) {
            (false, _) => CommitHealth::Partial,
            (true, true) => CommitHealth::Degraded,
            (true, false) if is_done => CommitHealth::Healthy,
            (true, false) => CommitHealth::Applied,
        };
        let now = Timestamp::now();
        let healths = self.healths.clone();
        let mut ready_now = BTreeMap::new();
        healths.change(&self.target.id, |known| {
            let mut is_news = false;
            if known.commit != Some((report.commit, state)) {
                known.commit = Some((report.commit, state));
                known.since = Some(now);
                is_news = true;
            }
            let seen = Seen {
                unseen: &unseen,
                late: late.iter().map(|object| (&object.id, &*object.message)).collect(),
                unready: report.unready.iter().map(|(id, health)| (id, health)).collect(),
                report,
                now,
            };
            let workloads = looked_at.iter().filter(|(id, ..)| is_workload(&GroupKind::of(id)));
            for declared in workloads {
                is_news |= self.note_workload(declared, &seen, known, &mut ready_now);
            }
            is_news
        });
        if !ready_now.is_empty() {
            Arc::make_mut(&mut self.ready).append(&mut ready_now);
        }
        if !unseen.is_empty() {
            report.wait_at_most(ECHO);
        }
        report.health = Some(state);
    }

    /// The objects that were applied, have a health, and whose last apply the watch has not shown.
    fn unseen(&self, looked_at: &[Declared]) -> BTreeSet<ObjectId> {
        self.target.api.observed().read(|observed| {
            let unseen = looked_at.iter().filter(|(id, object, hash)| {
                let kind = GroupKind::of(id);
                let view = observed.kinds.get(&kind).filter(|view| view.synced);
                let last = self.cache.entry(id).and_then(|entry| entry.applied.as_ref());
                let last = last.filter(|last| last.hash == *hash);
                let is_counted = Health::has_rule(&kind) && object.intent.ignore != Ignore::Yes;
                let has_run = self.cache.run(id).is_some_and(|run| run.is_finished);
                match (view, last) {
                    (Some(view), Some(last)) if is_counted => match view.objects().get(id) {
                        Some(live) => live.uid != last.uid || self.cache.is_ahead_of(id, live),
                        None => !has_run,
                    },
                    _ => false,
                }
            });
            unseen.map(|(id, ..)| id.clone()).collect()
        })
    }

    /// Notes how a workload is whose manifest is applied. Returns whether that is news.
    fn note_workload(
        &self,
        (id, object, hash): &Declared,
        seen: &Seen<'_>,
        known: &mut TargetHealth,
        ready_now: &mut BTreeMap<MemberKey, LastReady>,
    ) -> bool {
        if object.intent.ignore == Ignore::Yes {
            return known.objects.remove(id).is_some();
        }
        let last = self.cache.entry(id).and_then(|entry| entry.applied.as_ref());
        if last.is_none_or(|last| last.hash != *hash) {
            // The live object still has the manifest before, and the health of that.
            return false;
        }
        let live = self.observed().read(|observed| live(observed, id));
        let Some((health, own_since)) = live else {
            let has_run = self.cache.run(id).is_some_and(|run| run.is_finished);
            return !has_run && known.objects.remove(id).is_some();
        };
        let health = match (seen.late.get(id), seen.unready.get(id)) {
            (Some(message), _) => Health::Failed((*message).to_owned()),
            (None, _) if seen.unseen.contains(id) => {
                Health::Progressing("its controller has not seen the last change yet".to_owned())
            }
            (None, Some(explained)) => (*explained).clone(),
            (None, None) => health,
        };
        let before = known.objects.get(id);
        let images = match before {
            Some(before) if before.manifest == *hash => before.images.clone(),
            _ => container_images(&object.value.value()),
        };
        let mut next = ObjectHealth {
            commit: before
                .filter(|before| before.manifest == *hash)
                .map_or(seen.report.commit, |before| before.commit),
            manifest: *hash,
            since: since(before, &health, own_since, (*hash, &images), seen.now),
            images,
            health,
            last_ready: None,
            pods: seen.report.faults.get(id).cloned().unwrap_or_default(),
        };
        let key = MemberKey::of_identity(id);
        // Only the first look of a process rests on what the object itself says about the time before.
        let own_since = own_since.filter(|_| before.is_none());
        let of = (*hash, &*next.images);
        let ready = self.ready.get(&key).copied();
        next.last_ready = LastReady::after(ready, of, &next.health, next.since, own_since);
        if let Some(news) = next.last_ready.filter(|_| next.last_ready != ready) {
            ready_now.insert(key, news);
        }
        let is_news = before.is_none_or(|before| {
            before.manifest != next.manifest || !before.health.is_same_state(&next.health) || before.pods != next.pods
        });
        known.objects.insert(id.clone(), next);
        is_news
    }

    /// Forgets the health of objects that are no longer declared. `None`: all that are not in `declared`.
    pub(super) fn forget_health(&self, gone: Option<&[ObjectId]>, is_declared: impl Fn(&ObjectId) -> bool) {
        self.healths.change(&self.target.id, |known| {
            let before = known.objects.len();
            match gone {
                Some(gone) => gone.iter().for_each(|id| drop(known.objects.remove(id))),
                None => known.objects.retain(|id, _| is_declared(id)),
            }
            known.objects.len() != before
        });
    }
}

/// The health of a live object that a watch shows, and since when the object says to have it.
fn live(observed: &Observed, id: &ObjectId) -> Option<(Health, Option<Timestamp>)> {
    let view: &KindView = observed.kinds.get(&GroupKind::of(id))?;
    let live: &ObservedObject = view.objects().get(id).filter(|_| view.synced)?;
    Some((live.health.clone(), live.since))
}

/// Since when the object has this health. Another image begins anew, also where the conditions of the object do not.
fn since(
    before: Option<&ObjectHealth>,
    health: &Health,
    own: Option<Timestamp>,
    (manifest, images): (DesiredHash, &[ContainerImage]),
    now: Timestamp,
) -> Timestamp {
    let Some(before) = before else {
        return own.unwrap_or(now);
    };
    let is_same = before.manifest == manifest || (!images.is_empty() && before.images == images);
    match (is_same, before.health.is_same_state(health)) {
        (true, true) => own.map_or(before.since, |own| own.max(before.since)),
        (true, false) => own.unwrap_or(now),
        (false, _) => own.map_or(now, |own| own.max(now)),
    }
}
