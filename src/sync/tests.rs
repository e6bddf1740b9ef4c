//! Passes over a cluster in memory whose watch delivers when the test says so.

use super::{Change, Consent, SyncReport, Syncer};
use crate::model::{CommitId, ObjectId, Position, RepoPath, TargetId};
use crate::port::{
    Applied, Cluster, ClusterFailure, Deletion, Freshness, Happening, Kinds, Mode, ObservedStore, Record, TargetState,
};
use crate::resource::{
    DeletionLimit, FieldsEntry, Fingerprint, GroupKind, Health, Intent, KindVersion, Object, ObservedObject, Origin,
    Ownership, PruneWish, ResourceVersion, ServedKind, SetName,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
enum Call {
    Record(BTreeSet<GroupKind>),
    Apply(String),
    Delete(String),
}

#[derive(Default)]
struct World {
    version: u64,
    live: BTreeMap<ObjectId, ObservedObject>,
    calls: Vec<Call>,
    record: Option<Record>,
    kinds: Kinds,
    /// Applies that are answered before the server goes away.
    answers_left: Option<usize>,
    watched: BTreeSet<GroupKind>,
}

struct Fake {
    set: SetName,
    observed: ObservedStore,
    world: Mutex<World>,
}

impl Fake {
    fn new() -> Arc<Self> {
        let fake = Self {
            set: SetName {
                namespace: "tidegate".into(),
                name: "here".into(),
            },
            observed: ObservedStore::default(),
            world: Mutex::default(),
        };
        for (api_version, kind, plural) in [("v1", "ConfigMap", "configmaps"), ("v1", "Service", "services")] {
            fake.serve(api_version, kind, plural);
        }
        Arc::new(fake)
    }

    fn serve(&self, api_version: &str, kind: &str, plural: &str) {
        let served = ServedKind {
            kind: KindVersion::new(api_version, kind),
            plural: plural.into(),
            namespaced: true,
        };
        let kinds = &mut self.world().kinds;
        kinds.preferred.insert(served.kind.kind.clone(), served.clone());
        kinds.served.insert(served.kind.clone(), served);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The watch catches up with everything that has happened.
    fn deliver(&self) {
        let world = self.world();
        self.observed.update(|observed| {
            for kind in &world.watched {
                let view = observed.kinds.entry(kind.clone()).or_default();
                view.synced = true;
                view.advance(&ResourceVersion::new(world.version.to_string()));
                let of_kind = world.live.iter().filter(|(id, _)| GroupKind::of(id) == *kind);
                view.objects = of_kind.map(|(id, live)| (id.clone(), live.clone())).collect();
            }
            true
        });
    }

    fn edit(&self, name: &str, by: &str) {
        let mut world = self.world();
        world.version += 1;
        let version = world.version;
        let live = world.live.iter_mut().find(|(id, _)| id.name == name).unwrap().1;
        live.fingerprint = Some(fingerprint(&format!("edited {version}")));
        live.last_writer = Some(by.into());
        live.version = ResourceVersion::new(version.to_string());
    }

    fn remove(&self, name: &str) {
        let mut world = self.world();
        world.version += 1;
        world.live.retain(|id, _| id.name != name);
    }

    fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.world().calls)
    }
}

fn fingerprint(fields: &str) -> Fingerprint {
    let fields = json!(fields);
    let entry = FieldsEntry {
        manager: "tidegate",
        operation: "Apply",
        subresource: "",
        api_version: "v1",
        time: None,
        fields: &fields,
    };
    Ownership::read([entry]).fingerprint.unwrap()
}

impl Cluster for Fake {
    fn set(&self) -> &SetName {
        &self.set
    }

    fn default_namespace(&self) -> &str {
        "default"
    }

    async fn kinds(&self, _: &BTreeSet<KindVersion>, _: Freshness) -> Result<Kinds, ClusterFailure> {
        Ok(self.world().kinds.clone())
    }

    async fn apply(&self, _: &ServedKind, id: &ObjectId, body: &Value, _: Mode) -> Result<Applied, ClusterFailure> {
        let mut world = self.world();
        match &mut world.answers_left {
            Some(0) => return Err(ClusterFailure::Unavailable { message: "away".into() }),
            Some(left) => *left -= 1,
            None => {}
        }
        if body.pointer("/data/refused").is_some() {
            world.calls.push(Call::Apply(id.name.clone()));
            return Err(ClusterFailure::Refused {
                message: "denied by a webhook".into(),
            });
        }
        world.version += 1;
        let version = ResourceVersion::new(world.version.to_string());
        let created = !world.live.contains_key(id);
        let next_uid = format!("u{}", world.version);
        let live = world.live.entry(id.clone()).or_insert_with(|| ObservedObject {
            uid: next_uid,
            version: version.clone(),
            generation: None,
            fingerprint: None,
            last_writer: None,
            is_owned: false,
            is_terminating: false,
            prune: PruneWish::Unsaid,
            health: Health::Unknown,
        });
        live.version = version;
        live.fingerprint = Some(fingerprint(&body.to_string()));
        let applied = Applied {
            uid: live.uid.clone(),
            version: live.version.clone(),
            generation: None,
            fingerprint: live.fingerprint,
            created,
        };
        world.calls.push(Call::Apply(id.name.clone()));
        Ok(applied)
    }

    async fn delete(&self, _: &ServedKind, id: &ObjectId, seen: &ObservedObject) -> Result<Deletion, ClusterFailure> {
        let mut world = self.world();
        world.calls.push(Call::Delete(id.name.clone()));
        match world.live.get(id) {
            None => Ok(Deletion::Absent),
            Some(live) if live.uid != seen.uid || live.version != seen.version => Err(ClusterFailure::Conflict {
                message: "changed".into(),
            }),
            Some(_) => {
                world.version += 1;
                world.live.remove(id);
                Ok(Deletion::Accepted)
            }
        }
    }

    fn watch(&self, kinds: &BTreeSet<GroupKind>, _: &Kinds) {
        self.world().watched = kinds.clone();
        self.observed.update(|observed| {
            for kind in kinds {
                observed.kinds.entry(kind.clone()).or_default().synced = true;
            }
            true
        });
    }

    fn observed(&self) -> &ObservedStore {
        &self.observed
    }

    async fn read_record(&self) -> Result<Option<Record>, ClusterFailure> {
        Ok(self.world().record.clone())
    }

    async fn write_record(&self, record: &Record) -> Result<(), ClusterFailure> {
        let mut world = self.world();
        world.calls.push(Call::Record(record.kinds.clone()));
        world.record = Some(record.clone());
        Ok(())
    }

    async fn emit(&self, _: &Happening) -> Result<(), ClusterFailure> {
        Ok(())
    }

    fn requests(&self) -> u64 {
        self.world().calls.len() as u64
    }
}

fn commit(number: u8, objects: &[(&str, &str, Value)]) -> TargetState {
    let objects = objects.iter().map(|(kind, name, data)| {
        Arc::new(Object {
            id: ObjectId::new("v1", kind, Some("shop"), name),
            api_version: "v1".into(),
            value: json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data}),
            intent: Intent::default(),
            origin: Origin::File {
                path: RepoPath::parse(&format!("{name}.yaml")).unwrap(),
                position: Position { line: 1, column: 1 },
            },
        })
    });
    TargetState {
        target: TargetId::here(),
        commit: CommitId::from_bytes([number; 20]),
        objects: objects.collect(),
        findings: vec![],
        complete: true,
    }
}

fn maps(names: &[&'static str]) -> Vec<(&'static str, &'static str, Value)> {
    names
        .iter()
        .map(|name| ("ConfigMap", *name, json!({"k": "v"})))
        .collect()
}

async fn pass(syncer: &mut Syncer<Fake>, declared: &TargetState) -> SyncReport {
    syncer.pass(declared, Consent::default()).await
}

fn applies<'a>(calls: &'a [Call]) -> Vec<&'a str> {
    let name = |call: &'a Call| match call {
        Call::Apply(name) => Some(name.as_str()),
        _ => None,
    };
    calls.iter().filter_map(name).collect()
}

#[test]
fn a_pass_can_be_spawned() {
    fn sendable(_: impl Send) {}
    let mut syncer = Syncer::new(Fake::new(), DeletionLimit::default());
    let declared = commit(1, &[]);
    sendable(syncer.pass(&declared, Consent::default()));
    sendable(syncer.preview(&declared, Consent::default()));
}

#[tokio::test(start_paused = true)]
async fn the_record_names_the_kinds_before_any_of_their_objects_is_applied() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    pass(&mut syncer, &commit(1, &maps(&["a"]))).await;
    let calls = fake.take_calls();
    let kinds = BTreeSet::from([GroupKind::new("", "ConfigMap")]);
    assert_eq!(calls.first(), Some(&Call::Record(kinds)), "{calls:?}");
    assert_eq!(applies(&calls), ["a"]);
    let more = commit(2, &[&maps(&["a"])[..], &[("Service", "web", json!({}))]].concat());
    pass(&mut syncer, &more).await;
    let calls = fake.take_calls();
    assert!(
        matches!(&calls[0], Call::Record(kinds) if kinds.len() == 2),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_behind_our_own_apply_is_not_taken_for_drift() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let first = commit(1, &maps(&["a", "b"]));
    pass(&mut syncer, &first).await;
    fake.take_calls();
    let report = pass(&mut syncer, &first).await;
    assert_eq!(report.untouched, 2, "nothing has been delivered yet: {report:?}");
    assert!(
        report.next_try.is_some(),
        "looks again when the watch should have caught up"
    );
    fake.deliver();

    let second = commit(
        2,
        &[
            ("ConfigMap", "a", json!({"k": "new"})),
            ("ConfigMap", "b", json!({"k": "v"})),
        ],
    );
    pass(&mut syncer, &second).await;
    assert_eq!(applies(&fake.take_calls()), ["a"]);
    let report = pass(&mut syncer, &second).await;
    assert_eq!(
        applies(&fake.take_calls()),
        [] as [&str; 0],
        "the watch still shows the first apply: {report:?}"
    );
    fake.deliver();
    assert_eq!(pass(&mut syncer, &second).await.next_try, None);
}

#[tokio::test(start_paused = true)]
async fn an_observation_that_never_catches_up_counts_again_after_a_while() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let declared = commit(1, &maps(&["a"]));
    pass(&mut syncer, &declared).await;
    fake.take_calls();
    tokio::time::advance(Duration::from_secs(11)).await;
    pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_made_and_deleted_before_the_watch_told_is_missed_all_the_same() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let declared = commit(1, &maps(&["a", "b"]));
    pass(&mut syncer, &declared).await;
    fake.remove("a");
    fake.deliver();
    fake.take_calls();
    let report = pass(&mut syncer, &declared).await;
    assert_eq!(report.count(Change::Repaired), 1);
    assert_eq!(applies(&fake.take_calls()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_the_pass_with_one_error_and_the_next_pass_sends_the_rest() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let declared = commit(1, &maps(&["a", "b", "c", "d"]));
    fake.world().answers_left = Some(2);
    let report = pass(&mut syncer, &declared).await;
    assert_eq!(report.outage.as_deref(), Some("away"));
    assert!(report.failed.is_empty());
    assert_eq!(applies(&fake.take_calls()).len(), 2);
    fake.world().answers_left = None;
    let report = pass(&mut syncer, &declared).await;
    assert!(report.is_in_sync(), "{report:?}");
    assert_eq!(applies(&fake.take_calls()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_is_tried_again_later_and_at_once_when_its_manifest_changes() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let bad = commit(1, &[("ConfigMap", "a", json!({"refused": "x"}))]);
    let report = pass(&mut syncer, &bad).await;
    assert_eq!(report.failed[0].message, "denied by a webhook");
    fake.take_calls();
    assert_eq!(pass(&mut syncer, &bad).await.failed.len(), 1);
    assert_eq!(applies(&fake.take_calls()).len(), 0);
    tokio::time::advance(report.next_try.unwrap()).await;
    pass(&mut syncer, &bad).await;
    assert_eq!(applies(&fake.take_calls()).len(), 1);
    let report = pass(&mut syncer, &commit(2, &maps(&["a"]))).await;
    assert!(report.is_in_sync(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fight_is_told_with_its_adversary_and_slowed_down() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let declared = commit(1, &maps(&["a"]));
    pass(&mut syncer, &declared).await;
    fake.deliver();
    fake.take_calls();
    let mut contested = None;
    for _ in 0..100 {
        fake.edit("a", "some-operator");
        fake.deliver();
        let report = pass(&mut syncer, &declared).await;
        contested = report.contested.first().cloned().or(contested);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let contested = contested.unwrap();
    assert_eq!(contested.by.as_deref(), Some("some-operator"));
    let repairs = applies(&fake.take_calls()).len();
    assert!((12..16).contains(&repairs), "{repairs} repairs in 10 s");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changed_since_it_was_seen_is_not_deleted() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c", "d", "e"]))).await;
    fake.deliver();
    fake.edit("e", "kubectl");
    let shrunk = commit(2, &maps(&["a", "b", "c", "d"]));
    let report = pass(&mut syncer, &shrunk).await;
    assert!(report.pruned.is_empty() && report.next_try.is_some(), "{report:?}");
    fake.deliver();
    assert_eq!(pass(&mut syncer, &shrunk).await.pruned.len(), 1);
    fake.take_calls();
    assert!(pass(&mut syncer, &shrunk).await.pruned.is_empty());
    assert_eq!(fake.take_calls(), [], "deleted once, though the watch still shows it");
}

#[tokio::test(start_paused = true)]
async fn while_an_object_is_refused_what_it_may_replace_is_not_deleted() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c", "d", "old"]))).await;
    fake.deliver();
    let renamed = [maps(&["a", "b", "c", "d"]), vec![("Widget", "new", json!({}))]].concat();
    let report = pass(&mut syncer, &commit(2, &renamed)).await;
    assert!(report.pruned.is_empty(), "{report:?}");
    let reason = report.prune_blocked.unwrap_or_default();
    assert!(
        reason.contains("1 object") && reason.contains("Widget") && reason.contains("new"),
        "{reason}"
    );
    let corrected = commit(3, &maps(&["a", "b", "c", "d", "new"]));
    assert_eq!(pass(&mut syncer, &corrected).await.pruned.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn absence_is_not_concluded_from_what_cannot_be_read() {
    let everything: Vec<_> = [maps(&["a", "b", "c", "d"]), vec![("Service", "web", json!({}))]].concat();
    let without_web = commit(2, &maps(&["a", "b", "c", "d"]));
    type Hindrance = fn(&Fake);
    let obstacles: [(&str, Hindrance); 3] = [
        ("objects of kind Service cannot be read now: 403", |fake| {
            fake.observed.update(|observed| {
                let view = observed.kinds.get_mut(&GroupKind::new("", "ConfigMap")).unwrap();
                view.synced = true;
                let view = observed.kinds.get_mut(&GroupKind::new("", "Service")).unwrap();
                (view.synced, view.failing) = (false, Some("403".into()));
                true
            });
        }),
        ("API group metrics.example.com does not answer", |fake| {
            fake.world().kinds.unanswered.insert("metrics.example.com".into());
        }),
        ("", |_| {}),
    ];
    for (message, hinder) in obstacles {
        let fake = Fake::new();
        let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
        pass(&mut syncer, &commit(1, &everything)).await;
        fake.deliver();
        let mut plan = without_web.clone();
        plan.commit = CommitId::from_bytes([9; 20]);
        hinder(&fake);
        let surroundings = super::Surroundings {
            kinds: &fake.world().kinds.clone(),
            recorded: &BTreeSet::from([GroupKind::new("", "ConfigMap"), GroupKind::new("", "Service")]),
            observed: &fake.observed.read(Clone::clone),
            ledger: &super::Ledger::default(),
            default_namespace: "default",
            set: &fake.set,
            consent: Consent::default(),
            limit: DeletionLimit::default(),
            now: tokio::time::Instant::now(),
        };
        let made = super::plan(&plan, &surroundings);
        let blocked = made.prune_blocked.unwrap_or_default();
        assert!(blocked.contains(message), "{blocked}");
        assert_eq!(made.deletions.len(), usize::from(message.is_empty()), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_whose_version_went_away_fails_and_its_objects_stay() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let names = maps(&["a", "b", "c", "d"]);
    pass(&mut syncer, &commit(1, &names)).await;
    fake.deliver();
    let mut moved = commit(2, &names);
    Arc::make_mut(&mut moved.objects[0]).api_version = "v0".into();
    fake.take_calls();
    let report = pass(&mut syncer, &moved).await;
    assert_eq!(report.failed.len(), 1);
    assert!(
        report.failed[0].message.contains("it serves v1"),
        "{}",
        report.failed[0].message
    );
    assert!(report.pruned.is_empty() && report.waiting.is_none());
    assert!(!fake.take_calls().iter().any(|call| matches!(call, Call::Delete(_))));
}

#[tokio::test(start_paused = true)]
async fn two_manifests_for_one_object_in_the_default_namespace_are_told() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let mut declared = commit(1, &maps(&["a", "b"]));
    for (index, namespace) in [(0, None), (1, Some("default"))] {
        Arc::make_mut(&mut declared.objects[index]).id = ObjectId::new("v1", "ConfigMap", namespace, "same");
    }
    let report = pass(&mut syncer, &declared).await;
    assert_eq!(report.failed.len(), 1);
    assert!(
        report.failed[0]
            .message
            .contains("declared a second time, the first is in a.yaml")
    );
}

#[tokio::test(start_paused = true)]
async fn the_agents_own_record_cannot_be_declared_away() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(fake.clone(), DeletionLimit::default());
    let mut declared = commit(1, &maps(&["here"]));
    Arc::make_mut(&mut declared.objects[0]).id.namespace = Some("tidegate".into());
    let report = pass(&mut syncer, &declared).await;
    assert!(report.failed[0].message.contains("own record"), "{report:?}");
    assert_eq!(applies(&fake.take_calls()).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rewritten_history_is_asked_about_also_when_a_bad_file_held_the_deletions_up() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(
        fake.clone(),
        DeletionLimit {
            count: 10,
            percent: 100,
        },
    );
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c"]))).await;
    fake.deliver();
    let mut rewritten = commit(2, &maps(&["a", "b"]));
    rewritten.complete = false;
    let consent = Consent {
        history_broken: true,
        ..Consent::default()
    };
    let report = syncer.pass(&rewritten, consent).await;
    assert!(report.prune_blocked.is_some(), "{report:?}");
    assert_eq!(
        syncer.last_applied().await.unwrap(),
        Some(CommitId::from_bytes([1; 20])),
        "whether the next commit descends from what was applied is still to be told"
    );
}
