//! How much a pass looks at: what has changed, and not what is there. The counts are those of 2,000 objects.

use super::fake::{Call, Fake, applies, commit, maps, pass};
use crate::port::TargetState;
use crate::resource::{Additions, FieldsEntry, GroupKind, Health, Packed};
use crate::sync::Syncer;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const MANY: usize = 2000;

fn name(number: usize) -> String {
    format!("m{number:04}")
}

/// A commit of many ConfigMaps.
fn many() -> TargetState {
    let names: Vec<String> = (0..MANY).map(name).collect();
    let objects: Vec<(&str, &str, Value)> = names
        .iter()
        .map(|name| ("ConfigMap", name.as_str(), json!({"k": "v"})))
        .collect();
    commit(1, &objects)
}

/// The next commit: one object is another one, the others are the same allocations.
fn with_value(state: &TargetState, at: usize, value: &str) -> TargetState {
    let mut next = state.clone();
    next.commit = commit(2, &[]).commit;
    let object = Arc::make_mut(&mut next.objects[at]);
    let mut manifest = object.value.value();
    manifest["data"]["k"] = json!(value);
    object.value = Packed::of(&manifest);
    next
}

/// A cluster with many applied objects, whose watch has shown them all.
async fn converged() -> (Arc<Fake>, Syncer<Fake, Fake>, TargetState) {
    let (fake, state) = (Fake::new(), many());
    let mut syncer = fake.syncer();
    assert!(pass(&mut syncer, &state).await.is_in_sync());
    fake.deliver();
    let report = pass(&mut syncer, &state).await;
    assert_eq!(report.untouched, MANY, "{report:?}");
    fake.take_calls();
    fake.world().keeps_watches = true;
    (fake, syncer, state)
}

#[tokio::test(start_paused = true)]
async fn an_event_costs_a_look_at_its_object_and_the_repair_wakes_no_pass() {
    let (fake, mut syncer, state) = converged().await;
    let report = pass(&mut syncer, &state).await;
    assert_eq!((report.planned, report.requests), (0, 0), "nothing has happened");
    assert_eq!((report.untouched, report.declared), (MANY, MANY));

    let wakes = fake.observed.subscribe_to_others();
    fake.edit("m1234", "kubectl-edit");
    fake.show("m1234");
    assert!(wakes.has_changed().unwrap());
    let wakes = fake.observed.subscribe_to_others();
    let report = pass(&mut syncer, &state).await;
    assert_eq!((report.planned, report.requests, report.untouched), (1, 1, MANY - 1));
    assert_eq!(
        applies(&fake.take_calls()),
        ["m1234"],
        "one apply, and the record stays as it is"
    );
    fake.show("m1234");
    assert!(
        !wakes.has_changed().unwrap(),
        "the watch shows what the pass wrote itself"
    );
    let report = pass(&mut syncer, &state).await;
    assert!(
        report.planned <= 1 && report.requests == 0 && report.next_try.is_none(),
        "{report:?}"
    );
    assert_eq!(pass(&mut syncer, &state).await.planned, 0);
}

#[tokio::test(start_paused = true)]
async fn a_commit_costs_a_look_at_the_objects_that_it_changes() {
    let (fake, mut syncer, state) = converged().await;
    let next = with_value(&state, 77, "new");
    let report = pass(&mut syncer, &next).await;
    assert_eq!((report.planned, report.untouched), (1, MANY - 1));
    assert_eq!(applies(&fake.take_calls()), [name(77)]);
    fake.show(&name(77));
    let mut fewer = with_value(&next, 5, "other");
    fewer.objects.remove(1999);
    let report = pass(&mut syncer, &fewer).await;
    assert_eq!(
        report.planned, 2,
        "the object of the commit before, and the changed one"
    );
    assert_eq!(report.pruned.len(), 1, "{report:?}");
    assert_eq!(applies(&fake.take_calls()), [name(5)]);
}

#[tokio::test(start_paused = true)]
async fn status_updates_of_others_wake_no_pass_and_a_changed_health_costs_its_object() {
    let (fake, mut syncer, state) = converged().await;
    let wakes = fake.observed.subscribe_to_others();
    for _ in 0..400 {
        fake.touch("m0007");
        fake.show("m0007");
    }
    assert!(!wakes.has_changed().unwrap());
    assert_eq!(pass(&mut syncer, &state).await.planned, 0);
    fake.set_health("m0007", Health::Progressing("0 of 1 ready".into()));
    fake.show("m0007");
    assert!(wakes.has_changed().unwrap());
    let report = pass(&mut syncer, &state).await;
    let requests = fake.take_calls();
    let is_record = |call: &Call| matches!(call, Call::Record(_));
    assert_eq!((report.planned, report.unready.len()), (1, 1));
    assert!(
        requests.iter().all(is_record),
        "the record says that not everything is ready: {requests:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_audit_looks_at_everything_once_in_a_while_and_finds_nothing() {
    let (fake, mut syncer, state) = converged().await;
    fake.edit("m0001", "kubectl-edit");
    fake.show("m0001");
    assert_eq!(pass(&mut syncer, &state).await.missed, None);
    fake.show("m0001");
    tokio::time::advance(Duration::from_secs(301)).await;
    let report = pass(&mut syncer, &state).await;
    assert_eq!((report.planned, report.missed, report.requests), (MANY, Some(0), 0));
    assert_eq!(pass(&mut syncer, &state).await.planned, 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_by_others_while_an_apply_is_under_way_wakes_the_loop() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let state = commit(1, &maps(&["a"]));
    pass(&mut syncer, &state).await;
    let wakes = fake.observed.subscribe_to_others();
    fake.edit("a", "kubectl-edit");
    fake.show("a");
    assert!(
        wakes.has_changed().unwrap(),
        "the watch shows the edit and never showed the apply"
    );
    assert_eq!(pass(&mut syncer, &state).await.applied.len(), 1);
}

/// What happens in a run. Numbers select an object.
#[derive(Debug, Clone)]
enum Act {
    Edit(u8),
    Remove(u8),
    Touch(u8),
    Health(u8, bool),
    Additions(u8, bool),
    Terminate(u8),
    Copy(u8),
    Show(u8),
    Deliver,
    Unsync(bool),
    Unserve(bool),
    Declare(u8, u8),
    Undeclare(u8),
    Twice(u8),
    Refuse(u8),
    Incomplete(bool),
    Restart,
    Outage,
    Wait(u16),
    Pass,
}

fn act() -> impl Strategy<Value = Act> {
    let some = 0..12u8;
    prop_oneof![
        3 => some.clone().prop_map(Act::Edit),
        2 => some.clone().prop_map(Act::Remove),
        2 => some.clone().prop_map(Act::Touch),
        2 => (some.clone(), any::<bool>()).prop_map(|(at, is)| Act::Health(at, is)),
        2 => (some.clone(), any::<bool>()).prop_map(|(at, is)| Act::Additions(at, is)),
        1 => some.clone().prop_map(Act::Terminate),
        1 => some.clone().prop_map(Act::Copy),
        6 => some.clone().prop_map(Act::Show),
        4 => Just(Act::Deliver),
        1 => any::<bool>().prop_map(Act::Unsync),
        1 => any::<bool>().prop_map(Act::Unserve),
        4 => (some.clone(), 0..3u8).prop_map(|(at, value)| Act::Declare(at, value)),
        3 => some.clone().prop_map(Act::Undeclare),
        1 => some.clone().prop_map(Act::Twice),
        2 => some.prop_map(Act::Refuse),
        1 => any::<bool>().prop_map(Act::Incomplete),
        1 => Just(Act::Restart),
        1 => Just(Act::Outage),
        3 => (0..700u16).prop_map(Act::Wait),
        12 => Just(Act::Pass),
    ]
}

/// A config repo and a cluster in which acts happen.
struct Stage {
    fake: Arc<Fake>,
    syncer: Syncer<Fake, Fake>,
    /// The declared objects, by file: the same allocation while a file keeps its bytes.
    state: TargetState,
    number: u8,
}

impl Stage {
    fn new() -> Self {
        let fake = Fake::new();
        Self {
            syncer: fake.syncer(),
            fake,
            state: commit(1, &[]),
            number: 1,
        }
    }

    /// The next commit has these objects in the files of this name.
    fn declare(&mut self, at: u8, values: &[Value]) {
        self.number = self.number.wrapping_add(1);
        let name = name(usize::from(at));
        let kind = if at.is_multiple_of(4) { "Service" } else { "ConfigMap" };
        let objects: Vec<(&str, &str, Value)> = values
            .iter()
            .map(|value| (kind, name.as_str(), value.clone()))
            .collect();
        let mut next = commit(self.number, &objects);
        next.complete = self.state.complete;
        let others = self
            .state
            .objects
            .iter()
            .filter(|object| object.id.name != name)
            .cloned();
        next.objects.extend(others);
        next.objects.sort_by(|a, b| a.origin.path().cmp(b.origin.path()));
        self.state = next;
    }

    async fn act(&mut self, act: Act) {
        let name_of = |at: u8| name(usize::from(at));
        match act {
            Act::Edit(at) => self.fake.edit_if_there(&name_of(at), "kubectl-edit"),
            Act::Remove(at) => self.fake.remove(&name_of(at)),
            Act::Touch(at) => self.fake.touch(&name_of(at)),
            Act::Health(at, is_ready) => {
                let health = if is_ready {
                    Health::Ready
                } else {
                    Health::Progressing("waits".into())
                };
                self.fake.set_health(&name_of(at), health);
            }
            Act::Additions(at, has) => self.fake.change(&name_of(at), |live| {
                live.additions = has.then(additions).flatten().map(Arc::new);
            }),
            Act::Terminate(at) => self.fake.change(&name_of(at), |live| live.is_terminating = true),
            Act::Copy(at) => self.fake.copy_if_there(&name_of(at), "copy"),
            Act::Show(at) => self.fake.show(&name_of(at)),
            Act::Deliver => self.fake.deliver(),
            Act::Unsync(is_failing) => self.fake.observed.update(|observed| {
                if let Some(view) = observed.kinds.get_mut(&GroupKind::new("", "ConfigMap")) {
                    view.synced = false;
                    view.failing = is_failing.then(|| "403".to_owned());
                }
                true
            }),
            Act::Unserve(is_away) => {
                let unanswered = &mut self.fake.world().kinds.unanswered;
                match is_away {
                    true => drop(unanswered.insert(String::new())),
                    false => unanswered.clear(),
                }
            }
            Act::Declare(at, value) => self.declare(at, &[json!({"k": value.to_string()})]),
            Act::Undeclare(at) => self.declare(at, &[]),
            Act::Twice(at) => self.declare(at, &[json!({"k": "1"}), json!({"k": "2"})]),
            Act::Refuse(at) => self.declare(at, &[json!({"refused": "yes"})]),
            Act::Incomplete(is) => {
                self.number = self.number.wrapping_add(1);
                self.state.commit = commit(self.number, &[]).commit;
                self.state.complete = !is;
            }
            Act::Restart => self.syncer = self.fake.syncer(),
            Act::Outage => {
                self.fake.world().answers_left = Some(1);
                self.pass().await;
                self.fake.world().answers_left = None;
            }
            Act::Wait(seconds) => tokio::time::advance(Duration::from_secs(seconds.into())).await,
            Act::Pass => self.pass().await,
        }
    }

    async fn pass(&mut self) {
        self.fake.world().keeps_watches = true;
        let report = pass(&mut self.syncer, &self.state).await;
        assert!(report.missed.is_none_or(|missed| missed == 0), "{report:?}");
    }
}

fn additions() -> Option<Additions> {
    let fields = json!({"f:data": {"f:k": {}}});
    let more = json!({"f:data": {"f:added": {}}});
    let entry = |manager: &'static str, operation, fields| FieldsEntry {
        manager,
        operation,
        subresource: "",
        api_version: "v1",
        time: None,
        fields,
    };
    Additions::read([
        entry("tidegate", "Apply", &fields),
        entry("kubectl-edit", "Update", &more),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// In tests, each plan of a part is compared with the plan of everything (see `agenda_test`). Here anything happens.
    #[test]
    fn a_plan_of_a_part_decides_and_reports_as_a_plan_of_everything(acts in prop::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut stage = Stage::new();
            for at in 0..8 {
                stage.act(Act::Declare(at, 0)).await;
            }
            stage.fake.watch_all();
            stage.pass().await;
            stage.fake.deliver();
            for act in acts {
                stage.act(act).await;
            }
        });
    }
}
