//! What a pass applies, and when.

use super::fake::{Call, Fake, applies, commit, maps, pass};
use crate::model::ObjectId;
use crate::resource::GroupKind;
use crate::sync::{Approval, Change};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_pass_can_be_spawned() {
    fn sendable(_: impl Send) {}
    let mut syncer = Fake::new().syncer();
    let declared = commit(1, &[]);
    sendable(syncer.pass(&declared, Approval::default()));
    sendable(syncer.preview(&declared, Approval::default()));
}

#[tokio::test(start_paused = true)]
async fn the_record_names_the_kinds_before_any_of_their_objects_is_applied() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
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
    let mut syncer = fake.syncer();
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
    let mut syncer = fake.syncer();
    let declared = commit(1, &maps(&["a"]));
    pass(&mut syncer, &declared).await;
    fake.take_calls();
    tokio::time::advance(Duration::from_secs(11)).await;
    pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_created_and_deleted_before_the_watch_delivers_counts_as_gone() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
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
    let mut syncer = fake.syncer();
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
    let mut syncer = fake.syncer();
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
async fn a_conflict_is_reported_with_its_opponent_and_slowed_down() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = commit(1, &maps(&["a"]));
    pass(&mut syncer, &declared).await;
    fake.deliver();
    fake.take_calls();
    let mut contended = None;
    for _ in 0..100 {
        fake.edit("a", "some-operator");
        fake.deliver();
        let report = pass(&mut syncer, &declared).await;
        contended = report.contended.first().cloned().or(contended);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let contended = contended.unwrap();
    assert_eq!(contended.by.as_deref(), Some("some-operator"));
    let repairs = applies(&fake.take_calls()).len();
    assert!((12..16).contains(&repairs), "{repairs} repairs in 10 s");
}

#[tokio::test(start_paused = true)]
async fn two_manifests_for_one_object_in_the_default_namespace_are_reported() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
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
    let mut syncer = fake.syncer();
    let mut declared = commit(1, &maps(&["here"]));
    Arc::make_mut(&mut declared.objects[0]).id.namespace = Some("tidegate".into());
    let report = pass(&mut syncer, &declared).await;
    assert!(report.failed[0].message.contains("own record"), "{report:?}");
    assert_eq!(applies(&fake.take_calls()).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_ends_the_back_off_of_a_refused_object() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &commit(1, &maps(&["a", "b"]))).await;
    fake.deliver();
    let refused = commit(
        2,
        &[
            ("ConfigMap", "a", json!({"refused": "x"})),
            ("ConfigMap", "b", json!({"k": "v"})),
        ],
    );
    assert_eq!(pass(&mut syncer, &refused).await.failed.len(), 1);
    fake.take_calls();
    pass(&mut syncer, &refused).await;
    assert!(applies(&fake.take_calls()).is_empty(), "under back-off");
    fake.remove("a");
    fake.deliver();
    pass(&mut syncer, &refused).await;
    assert_eq!(applies(&fake.take_calls()), ["a"], "at once");
}
