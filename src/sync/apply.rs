use super::first_contact::{Manners, Sent, send};
use super::need::Reason;
use super::recreate::Immutable;
use super::report::{AppliedObject, Awaiting, Change, SyncReport};
use super::sync_plan::{ApplyStep, HeldStep, SyncPlan};
use super::syncer::Syncer;
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Mode, Observed, RecordStore, TargetApi};
use crate::resource::{Additions, AppliedMark, FieldPath, GroupKind, Health, MemberKey, Object, REPLICAS, Wave};
use futures::StreamExt as _;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// 16 requests in flight take nearly all that a small API server gives (measured: 8 give 75 %, 32 give no more than 16),
/// and stay far below the 200 mutating requests that it admits.
pub(super) const IN_FLIGHT: usize = 16;
/// The memory that objects in flight may take, in units of 64 KiB. An ordinary object takes some kilobytes. Half a megabyte of small maps
/// takes forty, and 16 of them at once would end the agent.
const ROOM: usize = 1024;
const UNIT: usize = 64 << 10;
/// Definitions and namespaces become ready in milliseconds, or not at all.
const DEFINITIONS_READY: Duration = Duration::from_secs(15);

/// The part of [`ROOM`] that an object takes. An object that takes more than all of it goes alone.
fn share(object: &Object) -> u32 {
    let units = object.value.unpacked_weight().div_ceil(UNIT).min(ROOM);
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn replicas() -> FieldPath {
    REPLICAS.map(str::to_owned).to_vec()
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    pub(super) async fn apply_waves(&mut self, plan: &SyncPlan, report: &mut SyncReport) -> Result<(), ClusterFailure> {
        let mut held = plan.held.clone();
        for (wave, steps) in &plan.waves {
            let refused = self.apply_wave(steps, report).await?;
            self.recreate(plan, refused, report).await?;
            if *wave == Wave::Definitions {
                let is_last = plan.waves.len() == 1 && plan.unknown.is_empty();
                if !is_last {
                    report.not_ready_in_time = self.wait_for_definitions(steps).await;
                }
            }
            self.apply_held(*wave, &mut held, plan, report).await?;
        }
        self.apply_held(Wave::Webhooks, &mut held, plan, report).await?;
        report.awaiting = held
            .into_iter()
            .map(|held| Awaiting {
                id: held.step.id,
                path: held.step.object.origin.path().clone(),
                on: held.on.into_iter().filter(|id| !self.is_ready(id)).collect(),
            })
            .collect();
        Ok(())
    }

    /// Applies the objects of this wave and the waves before that wait for objects which are ready, until no more become so.
    async fn apply_held(
        &mut self,
        wave: Wave,
        held: &mut Vec<HeldStep>,
        plan: &SyncPlan,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        loop {
            let is_due = |held: &mut HeldStep| held.wave <= wave && held.on.iter().all(|id| self.is_ready(id));
            let due: Vec<ApplyStep> = held.extract_if(.., is_due).map(|held| held.step).collect();
            if due.is_empty() {
                return Ok(());
            }
            let refused = self.apply_wave(&due, report).await?;
            self.recreate(plan, refused, report).await?;
        }
    }

    /// Whether a declared object is applied as declared, and ready, as far as its health is known.
    fn is_ready(&self, id: &ObjectId) -> bool {
        let Some(entry) = self.cache.entry(id) else {
            return false;
        };
        let Some(last) = entry.applied_as_declared().filter(|_| entry.failure.is_none()) else {
            return false;
        };
        let kind = GroupKind::of(id);
        if !Health::has_rule(&kind) || self.cache.run(id).is_some_and(|run| run.is_finished) {
            return true;
        }
        self.target.api.observed().read(|observed| {
            let live = observed
                .object(id)
                .filter(|live| live.uid == last.uid && !live.is_terminating);
            live.is_some_and(|live| live.generation >= last.generation && live.health.is_settled())
        })
    }

    /// Applies the objects of a wave, many at once. An object that fails does not stop the wave, an outage does. Returns the
    /// objects whose change the server refused because a field cannot change.
    pub(super) async fn apply_wave(
        &mut self,
        steps: &[ApplyStep],
        report: &mut SyncReport,
    ) -> Result<Vec<Immutable>, ClusterFailure> {
        let mut immutable = Vec::new();
        let (api, set, adoption) = (self.target.api.clone(), self.set.clone(), self.adoption);
        let manners = Manners {
            set: &set,
            adoption,
            mode: Mode::Write,
        };
        let room = Semaphore::new(ROOM);
        let requests: Vec<_> = steps
            .iter()
            .map(|step| {
                let (api, room) = (&api, &room);
                async move {
                    let _in_flight = room.acquire_many(share(&step.object)).await;
                    api.observed().change(|observed| observed.will_write(&step.id));
                    if step.hands_replicas_over
                        && let Err(failure) = api.hand_over(&step.served, &step.id, &replicas()).await
                    {
                        return (step, Err(failure));
                    }
                    (step, send(&**api, step, manners).await)
                }
            })
            .collect();
        let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
        let mut outage = None;
        let mut is_place_made = false;
        while let Some((step, answer)) = answers.next().await {
            api.observed().update(|observed| match &answer {
                Ok(sent) => observed.wrote(&step.id, &sent.applied),
                Err(_) => observed.not_written(&step.id),
            });
            match answer {
                Ok(sent) => {
                    report.looks += usize::from(matches!(step.reason, Reason::Look(_) | Reason::Doubt));
                    let was_asked = self.cache.is_asked(&step.id);
                    let object = self.note_applied(step, &sent);
                    if was_asked && object.change == Change::Repaired {
                        report.missed = Some(report.missed.unwrap_or_default() + 1);
                    }
                    is_place_made |= Wave::is_waited_for(&step.served.kind.kind) && object.change == Change::Created;
                    report.applied.push(object);
                }
                Err(failure) if failure.is_outage() => {
                    outage = Some(failure);
                    break;
                }
                Err(ClusterFailure::Immutable { message }) => immutable.push(Immutable {
                    step: step.clone(),
                    message,
                }),
                Err(failure) => self.note_failed(step, failure.to_string(), report),
            }
        }
        if is_place_made {
            self.cache.retry_now(Instant::now());
        }
        outage.map_or(Ok(immutable), Err)
    }

    pub(super) fn note_failed(&mut self, step: &ApplyStep, message: String, report: &mut SyncReport) {
        let observed = self.target.api.observed();
        let seen = observed.read(|observed| observed.object(&step.id).map(|live| live.uid.clone()));
        self.cache
            .note_failed(&step.id, step.hash, seen, message.clone(), Instant::now());
        report.failed.push(step.failed(message));
    }

    fn note_applied(&mut self, step: &ApplyStep, sent: &Sent) -> AppliedObject {
        let applied = &sent.applied;
        let now = Instant::now();
        let id = &step.id;
        let seen = self.target.api.observed().read(|observed| observed.object(id).cloned());
        let last = self.cache.entry(id).and_then(|entry| entry.applied.as_ref());
        let was = |uid: &str, fingerprint, generation| {
            uid == applied.uid && fingerprint == applied.fingerprint && generation == applied.generation
        };
        let unchanged = match (last, &seen) {
            (Some(last), _) => was(&last.uid, last.fingerprint, last.generation) && last.version == applied.version,
            (None, Some(seen)) => was(&seen.uid, seen.fingerprint, seen.generation),
            (None, None) => false,
        };
        let is_as_seen = match &step.seen {
            Some((Some(generation), _)) => applied.generation == Some(*generation),
            Some((None, version)) => applied.version == *version,
            None => false,
        } && last.is_some_and(|last| last.fingerprint == applied.fingerprint);
        let (change, by) = match (&step.reason, &sent.adopted) {
            (Reason::Look(_) | Reason::Doubt, None) if is_as_seen => (Change::Unchanged, None),
            (Reason::Look(by), _) => (Change::Repaired, by.clone()),
            (Reason::Doubt, _) => (Change::Repaired, None),
            (Reason::Drift(by), _) => (Change::Repaired, by.clone()),
            (Reason::Gone, owner) => (Change::Repaired, owner.as_ref().map(ToString::to_string)),
            (_, None) if step.additions.is_some() => {
                (Change::Repaired, step.additions.as_ref().and_then(Additions::who))
            }
            (_, Some(owner)) => (Change::Adopted, Some(owner.to_string())),
            _ if applied.created => (Change::Created, None),
            _ if unchanged => (Change::Unchanged, None),
            _ => (Change::Configured, None),
        };
        self.remember(step, applied, now);
        if change == Change::Repaired {
            self.cache.note_repaired(id, by.as_deref(), &step.contested, now);
        }
        AppliedObject {
            id: id.clone(),
            path: step.object.origin.path().clone(),
            change,
            by,
            removed: step.additions.as_ref().map(Additions::paths).unwrap_or_default(),
        }
    }

    /// Notes what an apply left: for the passes after this one, for the record, and for the next process.
    pub(super) fn remember(&mut self, step: &ApplyStep, applied: &Applied, now: Instant) {
        self.cache.note_applied(&step.id, step.hash, applied, now);
        self.authors.applied(&step.id, &applied.uid, &step.object.value.value());
        let mark = AppliedMark::of(
            step.hash,
            &applied.uid,
            applied.fingerprint,
            applied.generation,
            &applied.version,
        );
        self.marks.note(MemberKey::of_identity(&step.id), mark);
    }

    /// Waits until the watches show every applied definition as established and every namespace as active, or as failed.
    /// Returns the definitions and namespaces that the watches do not show as such in time.
    async fn wait_for_definitions(&self, steps: &[ApplyStep]) -> Vec<ObjectId> {
        let awaited: Vec<&ObjectId> = steps
            .iter()
            .filter(|step| Wave::is_waited_for(&step.served.kind.kind))
            .filter(|step| {
                let entry = self.cache.entry(&step.id);
                entry.is_some_and(|entry| entry.applied.is_some())
            })
            .map(|step| &step.id)
            .collect();
        let is_settled = |observed: &Observed, id: &ObjectId| {
            let view = observed.kinds.get(&GroupKind::of(id));
            let is_watched = view.is_some_and(|view| view.failing.is_none());
            let is_settled = |health: &Health| !matches!(health, Health::Progressing(_));
            !is_watched || observed.object(id).is_some_and(|live| is_settled(&live.health))
        };
        let all_settled = |observed: &Observed| awaited.iter().all(|id| is_settled(observed, id));
        if self.wait_until(DEFINITIONS_READY, all_settled).await {
            return Vec::new();
        }
        self.target.api.observed().read(|observed| {
            let late = awaited.iter().filter(|id| !is_settled(observed, id));
            late.map(|id| ObjectId::clone(id)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ObjectId, Position, RepoPath};
    use crate::resource::{Intent, Origin, Packed};
    use serde_json::{Value, json};

    fn of(value: &Value) -> u32 {
        share(&Object {
            id: ObjectId::new("v1", "ConfigMap", None, "a"),
            api_version: "v1".into(),
            value: Packed::of(value),
            intent: Intent::default(),
            origin: Origin::File {
                path: RepoPath::default(),
                position: Position { line: 1, column: 1 },
            },
        })
    }

    #[test]
    fn ordinary_objects_go_together_and_half_a_megabyte_of_small_maps_goes_nearly_alone() {
        let ordinary = of(&json!({"data": {"key": "value".repeat(1000)}}));
        assert!(usize::try_from(ordinary).unwrap() * IN_FLIGHT <= ROOM, "{ordinary}");
        let maps = of(&json!({"spec": vec![json!({"a": 1}); 60_000]}));
        assert!(usize::try_from(maps).unwrap() * 3 > ROOM, "{maps}");
        let all = of(&json!({"spec": vec![json!({"a": 1}); 600_000]}));
        assert_eq!(
            usize::try_from(all).unwrap(),
            ROOM,
            "an object never waits for more than there is"
        );
    }
}
