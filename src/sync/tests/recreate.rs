//! Objects whose change the server refuses because a field is immutable.

use super::fake::{Call, Fake, commit, pass};
use crate::model::CommitId;
use crate::port::TargetState;
use crate::resource::PrunePolicy;
use crate::sync::{Approval, Change, SyncReport};
use serde_json::json;
use std::sync::Arc;

/// A commit with these ConfigMaps, whose immutable field has this value.
fn fixed(number: u8, names: &[&'static str], value: &str, recreate: bool) -> TargetState {
    let objects: Vec<_> = names
        .iter()
        .map(|name| ("ConfigMap", *name, json!({"immutable": value})))
        .collect();
    let mut state = commit(number, &objects);
    for object in &mut state.objects {
        Arc::make_mut(object).intent.recreate = recreate;
    }
    state
}

fn deleted(calls: &[Call]) -> Vec<&str> {
    let deletions = calls.iter().filter_map(|call| match call {
        Call::Delete(name) => Some(name.as_str()),
        _ => None,
    });
    deletions.collect()
}

fn message(report: &SyncReport) -> &str {
    let [failed] = &*report.failed else {
        panic!("one object fails: {report:#?}");
    };
    &failed.message
}

#[tokio::test(start_paused = true)]
async fn an_object_is_recreated_once_if_its_manifest_asks_for_it() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a", "b"], "1", true)).await;
    fake.deliver();
    let changed = fixed(2, &["a", "b"], "2", true);
    let preview = syncer.preview(&changed, Approval::default()).await.unwrap();
    assert!(
        preview.objects.iter().all(|object| object.change == Change::Recreated),
        "{preview}"
    );
    let diff = syncer.diff(&changed, Approval::default(), &[1; 16]).await.unwrap();
    assert!(diff.failed.is_empty() && diff.has_differences(), "{diff}");
    assert!(
        diff.to_string()
            .contains("a (a.yaml)\n  ~ deleted and created anew: data: field is immutable\n"),
        "{diff}"
    );
    fake.take_calls();
    let report = pass(&mut syncer, &changed).await;
    assert_eq!(
        (report.count(Change::Recreated), report.failed.len()),
        (2, 0),
        "{report:#?}"
    );
    let calls = fake.take_calls();
    assert_eq!(deleted(&calls), ["a", "b"]);
    let recorded = calls.iter().position(|call| matches!(call, Call::Record(_)));
    let deletion = calls.iter().position(|call| matches!(call, Call::Delete(_)));
    assert!(
        recorded.unwrap() < deletion.unwrap(),
        "the new object is claimed before the old one goes: {calls:?}"
    );
    for _ in 0..2 {
        fake.deliver();
        let report = pass(&mut syncer, &changed).await;
        assert!(report.is_in_sync() && report.untouched == 2, "{report:#?}");
    }
    let mut restarted = fake.syncer();
    let report = pass(&mut restarted, &changed).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert!(deleted(&fake.take_calls()).is_empty());
    fake.deliver();
    let report = pass(&mut restarted, &fixed(3, &["b"], "2", true)).await;
    assert_eq!(
        report.pruned.len(),
        1,
        "what was recreated is the agent's own: {report:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_annotation_the_refusal_names_it() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a", "b"], "1", false)).await;
    fake.deliver();
    let mut changed = fixed(2, &["a"], "2", false);
    changed.objects.extend(fixed(2, &["b"], "1", false).objects);
    let report = pass(&mut syncer, &changed).await;
    let expected = "field is immutable; to have the object deleted and created anew, annotate its manifest \
                    tidegate.dev/recreate: \"true\"";
    assert!(message(&report).contains(expected), "{}", message(&report));
    let preview = syncer.preview(&changed, Approval::default()).await.unwrap();
    assert!(preview.failed[0].message.contains(expected), "{preview}");
    let diff = syncer.diff(&changed, Approval::default(), &[1; 16]).await.unwrap();
    assert_eq!(diff.failed, preview.failed, "the diff says the same");
    assert!(deleted(&fake.take_calls()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_that_may_not_be_pruned() {
    type Change = fn(&Fake);
    let rows: [(&str, Change); 4] = [
        ("it was not applied by tidegate", |fake| {
            let mut world = fake.world();
            let live = world.live.values_mut().next().unwrap();
            live.uid = "another".into();
        }),
        ("owner references", |fake| {
            fake.world().live.values_mut().next().unwrap().is_owned = true;
        }),
        ("its annotations disable pruning", |fake| {
            fake.world().live.values_mut().next().unwrap().prune = PrunePolicy::Disabled;
        }),
        ("it is being deleted", |fake| {
            fake.world().live.values_mut().next().unwrap().is_terminating = true;
        }),
    ];
    for (expected, change) in rows {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(&mut syncer, &fixed(1, &["a"], "1", true)).await;
        change(&fake);
        fake.deliver();
        fake.take_calls();
        let report = pass(&mut syncer, &fixed(2, &["a"], "2", true)).await;
        assert!(message(&report).contains(expected), "{expected}: {}", message(&report));
        assert!(deleted(&fake.take_calls()).is_empty(), "{expected}");
    }
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a"], "1", true)).await;
    fake.deliver();
    let mut kept = fixed(2, &["a"], "2", true);
    Arc::make_mut(&mut kept.objects[0]).intent.keep = true;
    let report = pass(&mut syncer, &kept).await;
    assert!(
        message(&report).contains("remove one of the two"),
        "{}",
        message(&report)
    );
    assert!(deleted(&fake.take_calls()).is_empty());

    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let mut own = fixed(3, &["a"], "1", true);
    Arc::make_mut(&mut own.objects[0]).id.namespace = Some("tidegate".into());
    pass(&mut syncer, &own).await;
    fake.deliver();
    let mut changed = fixed(4, &["a"], "2", true);
    Arc::make_mut(&mut changed.objects[0]).id.namespace = Some("tidegate".into());
    fake.take_calls();
    let report = pass(&mut syncer, &changed).await;
    assert!(
        message(&report).contains("the agent itself runs there"),
        "{}",
        message(&report)
    );
    assert!(deleted(&fake.take_calls()).is_empty());

    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a"], "1", true)).await;
    fake.deliver();
    let approval = Approval {
        history_broken: true,
        ..Approval::default()
    };
    let report = syncer.pass(&fixed(3, &["a"], "3", true), approval).await;
    assert!(message(&report).contains("not an ancestor"), "{}", message(&report));
    assert!(deleted(&fake.take_calls()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changed_since_it_was_seen_is_not_deleted_before_it_is_seen_again() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a"], "1", true)).await;
    fake.deliver();
    fake.edit("a", "somebody");
    let changed = fixed(2, &["a"], "2", true);
    let report = pass(&mut syncer, &changed).await;
    assert!(message(&report).contains("changed while"), "{}", message(&report));
    assert_eq!(fake.world().live.len(), 1);
    fake.deliver();
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(pass(&mut syncer, &changed).await.count(Change::Recreated), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_with_a_finalizer_is_deleted_once_and_created_when_it_is_gone() {
    let fake = Fake::new();
    fake.world().has_finalizers = true;
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &["a"], "1", true)).await;
    fake.deliver();
    fake.take_calls();
    let changed = fixed(2, &["a"], "2", true);
    for _ in 0..3 {
        let report = pass(&mut syncer, &changed).await;
        assert!(
            message(&report).contains("created anew when it is gone"),
            "{}",
            message(&report)
        );
        fake.deliver();
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
    }
    assert_eq!(deleted(&fake.take_calls()), ["a"]);
    fake.remove("a");
    fake.deliver();
    let report = pass(&mut syncer, &changed).await;
    assert_eq!((report.applied.len(), report.failed.len()), (1, 0), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_would_recreate_too_much_recreates_nothing() {
    const NAMES: [&str; 14] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &fixed(1, &NAMES, "1", true)).await;
    fake.deliver();
    fake.take_calls();
    let few = |number, value: &str, count: usize| {
        let mut state = fixed(number, &NAMES[..count], value, true);
        state.objects.extend(fixed(number, &NAMES[count..], "1", true).objects);
        state
    };
    let report = pass(&mut syncer, &few(2, "2", 4)).await;
    assert_eq!(report.failed.len(), 4, "4 of 14 are more than a quarter: {report:#?}");
    assert!(
        report.failed[0].message.contains("may not delete 4 objects"),
        "{}",
        report.failed[0].message
    );
    assert!(deleted(&fake.take_calls()).is_empty());
    // A refused object is tried again when its pause is over.
    let pause = || tokio::time::advance(std::time::Duration::from_secs(600));
    pause().await;
    let first = few(3, "2", 3);
    assert_eq!(pass(&mut syncer, &first).await.count(Change::Recreated), 3);
    fake.deliver();
    pause().await;
    let second = TargetState {
        objects: few(3, "2", 5).objects,
        ..first
    };
    let report = pass(&mut syncer, &second).await;
    assert_eq!(report.failed.len(), 2, "the limit is of the commit: {report:#?}");
    let later = TargetState {
        commit: CommitId::from_bytes([4; 20]),
        ..second
    };
    pause().await;
    assert_eq!(pass(&mut syncer, &later).await.count(Change::Recreated), 2);
}
