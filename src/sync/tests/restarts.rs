//! A new process applies nothing that is as an earlier process applied it, and repairs everything else.

use super::fake::{Call, Fake, applies, commit, maps, pass};
use crate::port::{Record, TargetState};
use crate::resource::{AppliedMarks, Fingerprint, Packed};
use crate::sync::{Change, Syncer};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const MANY: usize = 2000;

/// What the process knows is kept some seconds after its applies.
async fn keep(fake: &Fake, syncer: &Syncer<Fake, Fake>) {
    tokio::time::advance(Duration::from_secs(3)).await;
    syncer.marks().0.store(fake).await;
}

/// The manifest of one object changes.
fn set_value(state: &mut TargetState, at: usize) {
    let object = Arc::make_mut(&mut state.objects[at]);
    let mut manifest = object.value.value();
    manifest["data"]["k"] = json!("new");
    object.value = Packed::of(&manifest);
}

/// A cluster with these objects, applied by a process that has ended.
async fn applied(names: &[&'static str]) -> (Arc<Fake>, TargetState) {
    let (fake, state) = (Fake::new(), commit(1, &maps(names)));
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    keep(&fake, &syncer).await;
    fake.deliver();
    fake.take_calls();
    (fake, state)
}

#[tokio::test(start_paused = true)]
async fn a_start_on_2000_converged_objects_sends_no_write() {
    let names: Vec<String> = (0..MANY).map(|number| format!("m{number:04}")).collect();
    let objects: Vec<(&str, &str, Value)> = names
        .iter()
        .map(|name| ("ConfigMap", name.as_str(), json!({"k": "v"})))
        .collect();
    let (fake, state) = (Fake::new(), commit(1, &objects));
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    keep(&fake, &syncer).await;
    fake.deliver();
    fake.take_calls();
    let writes = fake.world().mark_writes;
    assert_eq!(writes, 16, "a large set is kept in parts");

    let mut next = fake.syncer();
    let report = pass(&mut next, &state).await;
    assert_eq!(fake.take_calls(), [] as [Call; 0]);
    assert_eq!((report.untouched, report.planned, report.requests), (MANY, MANY, 0));
    assert!(report.is_in_sync());
    assert_eq!(pass(&mut next, &state).await.planned, 0);

    let mut changed = state.clone();
    set_value(&mut changed, 7);
    assert_eq!(pass(&mut next, &changed).await.applied.len(), 1);
    keep(&fake, &next).await;
    assert_eq!(
        fake.world().mark_writes,
        writes + 1,
        "one part has the object that changed"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_while_no_process_ran_is_repaired() {
    type Change = fn(&Fake);
    let changes: [(&str, Change); 7] = [
        ("an edit", |fake| fake.edit("a", "kubectl-edit")),
        ("an edit of the order", |fake| {
            fake.move_generation("a", "kubectl-replace", true)
        }),
        ("a deletion", |fake| fake.remove("a")),
        ("another object of the name", |fake| {
            fake.change("a", |live| live.uid = "another".into())
        }),
        ("a copy from a backup", |fake| {
            fake.change("a", |live| live.is_copy = true)
        }),
        ("no entry of the agent", |fake| {
            fake.change("a", |live| live.fingerprint = None)
        }),
        ("a later apply of another process", |fake| {
            fake.change("a", |live| {
                live.fingerprint = Some(Fingerprint::of_agent("another manifest"))
            });
        }),
    ];
    for (what, change) in changes {
        let (fake, state) = applied(&["a", "b", "c"]).await;
        change(&fake);
        fake.deliver();
        pass(&mut fake.syncer(), &state).await;
        assert_eq!(applies(&fake.take_calls()), ["a"], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_changed_meanwhile_is_applied() {
    let (fake, mut state) = applied(&["a", "b", "c"]).await;
    set_value(&mut state, 1);
    pass(&mut fake.syncer(), &state).await;
    assert_eq!(applies(&fake.take_calls()), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_generation_is_applied_once_after_any_write() {
    let (fake, state) = (Fake::new(), commit(1, &maps(&["a", "b"])));
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    keep(&fake, &syncer).await;
    fake.touch("a");
    fake.deliver();
    fake.take_calls();
    let mut next = fake.syncer();
    pass(&mut next, &state).await;
    assert_eq!(applies(&fake.take_calls()), ["a"]);
    keep(&fake, &next).await;
    fake.deliver();
    pass(&mut fake.syncer(), &state).await;
    assert!(applies(&fake.take_calls()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_within_the_last_seconds_is_not_kept_and_lost_marks_cost_applies() {
    let (fake, state) = (Fake::new(), commit(1, &maps(&["a", "b"])));
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    syncer.marks().0.store(&*fake).await;
    fake.deliver();
    fake.take_calls();
    // The server dates writes by the second: a later apply within it would look the same.
    assert!(fake.world().marks.values().all(AppliedMarks::is_empty));
    let report = pass(&mut fake.syncer(), &state).await;
    assert_eq!(report.applied.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_left_the_repo_and_came_back_is_applied() {
    let (fake, state) = applied(&["a", "b", "c", "d", "e"]).await;
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    assert_eq!(
        pass(&mut syncer, &commit(2, &maps(&["a", "b", "c", "d"])))
            .await
            .pruned
            .len(),
        1
    );
    keep(&fake, &syncer).await;
    fake.deliver();
    assert_eq!(fake.world().marks.values().map(AppliedMarks::len).sum::<usize>(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_forged_mark_delays_a_repair_and_is_counted() {
    let (fake, state) = applied(&["a", "b", "c"]).await;
    // Somebody changes an object and its entry, and writes a mark that fits: to the agent the object looks as it applied it.
    fake.world().reordered.insert("b".into());
    let mut syncer = fake.syncer();
    let mut report = pass(&mut syncer, &state).await;
    assert_eq!(report.requests, 0);
    let (mut applied, mut missed) = (Vec::new(), 0);
    for _ in 0..6 {
        let Some(next) = report.next_try else { break };
        tokio::time::advance(next).await;
        fake.deliver();
        report = pass(&mut syncer, &state).await;
        applied.extend(report.applied.iter().map(|object| object.change));
        missed += report.missed.unwrap_or_default();
    }
    applied.sort_by_key(|change| *change == Change::Repaired);
    assert_eq!(applied, [Change::Unchanged, Change::Unchanged, Change::Repaired]);
    assert_eq!(missed, 1);
    assert_eq!(report.next_try, None, "each object is looked at once");
}

#[tokio::test(start_paused = true)]
async fn without_a_record_nothing_is_known() {
    let (fake, state) = applied(&["a", "b"]).await;
    fake.world().record = None;
    pass(&mut fake.syncer(), &state).await;
    assert_eq!(applies(&fake.take_calls()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_listed_yet_is_applied() {
    let (fake, state) = applied(&["a", "b"]).await;
    fake.world().keeps_watches = true;
    fake.observed.update(|observed| {
        for view in observed.kinds.values_mut() {
            view.synced = false;
            view.failing = Some("403".into());
        }
        false
    });
    pass(&mut fake.syncer(), &state).await;
    assert_eq!(applies(&fake.take_calls()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_marks_are_kept_half_a_minute_after_an_apply_and_at_the_end() {
    let (fake, state) = (Fake::new(), commit(1, &maps(&["a", "b"])));
    let mut syncer = fake.syncer();
    let (marks, _) = syncer.marks();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let store = Arc::clone(&fake);
    let keeper = tokio::spawn(async move { marks.keep(&*store, async { drop(ended.await) }).await });
    pass(&mut syncer, &state).await;
    let kept = || fake.world().marks.values().map(AppliedMarks::len).sum::<usize>();
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(kept(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(kept(), 2);
    let writes = fake.world().mark_writes;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(fake.world().mark_writes, writes, "nothing has changed");
    pass(&mut syncer, &commit(2, &maps(&["a", "b", "c"]))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(end);
    keeper.await.unwrap();
    assert_eq!(kept(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_another_process_wrote_about_the_pass_does_not_stay_in_the_record() {
    let (fake, state) = (Fake::new(), commit(1, &maps(&["a"])));
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    fake.deliver();
    pass(&mut syncer, &state).await;
    let own = fake.world().record.clone().unwrap();
    // A partition has ended, and the process behind it has reported what it could not do.
    fake.world().record = Some(Record {
        problems: vec!["ConfigMap shop/a: no right".to_owned()],
        status: "1 objects, 1 problem".to_owned(),
        ..own.clone()
    });
    tokio::time::advance(Duration::from_secs(301)).await;
    pass(&mut syncer, &state).await;
    let now = fake.world().record.clone().unwrap();
    assert_eq!(now, own, "the record says what this process knows");
    // A pass that finds its own record reads it and writes nothing.
    fake.take_calls();
    tokio::time::advance(Duration::from_secs(301)).await;
    pass(&mut syncer, &state).await;
    assert!(!fake.take_calls().iter().any(|call| matches!(call, Call::Record(_))));
}
