//! Dry runs, one object at a time, against the ownership fingerprint.

use super::fake::{Fake, applies, commit, maps, pass};
use crate::model::ObjectId;
use crate::resource::Ignore;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 5] = ["m0", "m1", "m2", "m3", "m4"];

#[tokio::test(start_paused = true)]
async fn one_object_a_minute_is_compared_and_each_in_its_turn() {
    let fake = Fake::new();
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    let state = commit(1, &maps(&NAMES));
    pass(&mut syncer, &state).await;
    fake.deliver();
    assert_eq!(
        pass(&mut syncer, &state).await.next_try,
        None,
        "no pass runs for the audit alone"
    );
    fake.take_calls();
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(601)).await;
        for _ in 0..3 {
            let report = pass(&mut syncer, &state).await;
            assert!(report.disagreed.is_none() && report.applied.is_empty());
        }
    }
    let dry_runs = std::mem::take(&mut fake.world().dry_runs);
    assert_eq!(
        dry_runs.len(),
        9,
        "one for each pause, and one pass begins anew: {dry_runs:?}"
    );
    assert_eq!(dry_runs[..5], NAMES, "each in its turn");
    assert!(applies(&fake.take_calls()).is_empty(), "nothing is written");
}

#[tokio::test(start_paused = true)]
async fn where_a_dry_run_disagrees_the_object_is_applied_and_the_disagreement_is_reported() {
    let fake = Fake::new();
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    let state = commit(1, &maps(&["a", "b"]));
    pass(&mut syncer, &state).await;
    fake.deliver();
    pass(&mut syncer, &state).await;
    fake.take_calls();
    fake.world().silent = BTreeSet::from(["b".to_owned()]);
    let mut disagreed: Vec<ObjectId> = Vec::new();
    for _ in 0..4 {
        tokio::time::advance(Duration::from_secs(601)).await;
        let report = pass(&mut syncer, &state).await;
        if report.disagreed.is_some() {
            assert_eq!(report.next_try, Some(Duration::ZERO), "the object is applied at once");
        }
        disagreed.extend(report.disagreed);
        pass(&mut syncer, &state).await;
        fake.deliver();
    }
    let names: Vec<&str> = disagreed.iter().map(|id| id.name.as_str()).collect();
    assert_eq!(names, ["b"], "once: the apply has put it right");
    assert_eq!(applies(&fake.take_calls()), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_at_the_same_moment_is_no_disagreement() {
    let fake = Fake::new();
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    let state = commit(1, &maps(&["a"]));
    pass(&mut syncer, &state).await;
    fake.deliver();
    pass(&mut syncer, &state).await;
    // The watch is late: it has not shown the edit.
    fake.edit("a", "kubectl-edit");
    fake.world().silent = BTreeSet::from(["a".to_owned()]);
    tokio::time::advance(Duration::from_secs(601)).await;
    let report = pass(&mut syncer, &state).await;
    assert_eq!(report.disagreed, None);
    assert_eq!(fake.world().dry_runs, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn objects_that_are_not_compared_do_not_keep_the_audit_from_those_behind_them() {
    let fake = Fake::new();
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    let names: Vec<String> = (0..150)
        .map(|number| format!("m{number:03}"))
        .chain(["z".to_owned()])
        .collect();
    let objects: Vec<(&str, &str, Value)> = names
        .iter()
        .map(|name| ("ConfigMap", name.as_str(), json!({"k": "v"})))
        .collect();
    let mut state = commit(1, &objects);
    for object in &mut state.objects[..150] {
        Arc::make_mut(object).intent.ignore = Ignore::SyncOnly;
    }
    pass(&mut syncer, &state).await;
    fake.deliver();
    pass(&mut syncer, &state).await;
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(601)).await;
        pass(&mut syncer, &state).await;
    }
    assert_eq!(fake.world().dry_runs, ["z"]);
}
