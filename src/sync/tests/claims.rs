//! Which objects count as the agent's when processes end, overlap, or see a server that is behind.

use super::fake::{Fake, commit, maps, pass};
use crate::model::CommitId;
use crate::port::TargetState;
use crate::resource::GroupKind;
use crate::sync::Approval;
use std::sync::Arc;

const ALL: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];

/// A cluster where a process ended after it had created all objects but the last, and before it recorded any UID.
async fn after_a_crash() -> Arc<Fake> {
    let fake = Fake::new();
    fake.world().answers_left = Some(8);
    let report = pass(&mut fake.syncer(), &commit(1, &maps(&ALL))).await;
    assert!(report.outage.is_some(), "{report:?}");
    fake.world().answers_left = None;
    fake.deliver();
    fake
}

#[tokio::test(start_paused = true)]
async fn such_objects_are_not_forgotten_while_their_deletion_waits_for_a_person() {
    let fake = after_a_crash().await;
    let removal = commit(2, &maps(&ALL[4..]));
    let mut syncer = fake.syncer();
    for _ in 0..3 {
        let report = pass(&mut syncer, &removal).await;
        assert_eq!(report.waiting.map(|waiting| waiting.objects.len()), Some(4));
        fake.deliver();
    }
    let confirmed = Approval {
        confirmed: Some(removal.commit),
        ..Approval::default()
    };
    assert_eq!(fake.syncer().pass(&removal, confirmed).await.pruned.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn such_objects_are_not_forgotten_while_a_file_cannot_be_read() {
    let fake = after_a_crash().await;
    let broken = TargetState {
        complete: false,
        ..commit(2, &maps(&ALL[1..]))
    };
    let report = pass(&mut fake.syncer(), &broken).await;
    assert!(report.prune_blocked.is_some() && report.pruned.is_empty(), "{report:?}");
    fake.deliver();
    assert_eq!(
        pass(&mut fake.syncer(), &commit(3, &maps(&ALL[1..])))
            .await
            .pruned
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn such_objects_are_not_forgotten_while_a_watch_is_interrupted() {
    let fake = after_a_crash().await;
    let removal = commit(2, &maps(&ALL[1..]));
    let mut syncer = fake.syncer();
    // As after a list that another list of the same kind has overtaken.
    fake.observed.update(|observed| {
        let view = observed.kinds.entry(GroupKind::new("", "ConfigMap")).or_default();
        view.failing = Some("the API server is away".into());
        view.synced = false;
        false
    });
    fake.world().keeps_watches = true;
    let report = pass(&mut syncer, &removal).await;
    assert!(report.pruned.is_empty(), "{report:?}");
    fake.deliver();
    assert_eq!(pass(&mut fake.syncer(), &removal).await.pruned.len(), 1);
    assert_eq!(
        fake.world().record.as_ref().and_then(|record| record.commit),
        Some(CommitId::from_bytes([2; 20]))
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_made_again_is_claimed_before() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let all = commit(1, &maps(&ALL));
    pass(&mut syncer, &all).await;
    fake.deliver();
    fake.remove("a");
    fake.deliver();
    fake.world().records_left = Some(1);
    let report = pass(&mut syncer, &all).await;
    assert!(
        report.outage.is_some(),
        "the record is not written after the apply: {report:?}"
    );
    fake.world().records_left = None;
    fake.deliver();
    let report = pass(&mut fake.syncer(), &commit(2, &maps(&ALL[1..]))).await;
    assert_eq!(report.pruned.len(), 1, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_recorded_is_not_lost_and_its_objects_are_deleted_when_they_go() {
    let fake = Fake::new();
    let (mut old, mut new) = (fake.syncer(), fake.syncer());
    let all = commit(1, &maps(&ALL));
    for syncer in [&mut old, &mut new] {
        assert!(pass(syncer, &all).await.is_in_sync());
        fake.deliver();
    }
    let removal = commit(2, &maps(&ALL[1..]));
    assert_eq!(pass(&mut new, &removal).await.pruned.len(), 1);
    fake.deliver();
    // The old process does not know of the new commit yet, and makes the object again.
    pass(&mut old, &all).await;
    fake.deliver();
    drop(old);
    let mut pruned = 0;
    for _ in 0..3 {
        pruned += pass(&mut new, &removal).await.pruned.len();
        fake.deliver();
    }
    assert_eq!(pruned, 1);
    assert!(!fake.world().live.keys().any(|id| id.name == "a"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_write_failed_is_written_before_the_next_pass_applies() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let all = commit(1, &maps(&ALL));
    // The kinds are written, and the claims are not.
    fake.world().records_left = Some(1);
    assert!(pass(&mut syncer, &all).await.outage.is_some());
    fake.world().records_left = None;
    fake.world().answers_left = Some(8);
    assert!(pass(&mut syncer, &all).await.outage.is_some());
    fake.world().answers_left = None;
    fake.deliver();
    let report = pass(&mut fake.syncer(), &commit(2, &maps(&ALL[1..]))).await;
    assert_eq!(report.pruned.len(), 1, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_a_list_from_a_server_behind_lacks_is_not_forgotten() {
    let fake = Fake::new();
    pass(&mut fake.syncer(), &commit(1, &maps(&ALL))).await;
    fake.deliver();
    let removal = commit(2, &maps(&ALL[2..]));
    let a = fake.world().live.keys().find(|id| id.name == "a").unwrap().clone();
    let hidden = fake.world().live.remove(&a).unwrap();
    fake.deliver();
    let mut syncer = fake.syncer();
    assert_eq!(pass(&mut syncer, &removal).await.pruned.len(), 1, "b alone is seen");
    fake.world().live.insert(a, hidden);
    fake.deliver();
    assert_eq!(pass(&mut syncer, &removal).await.pruned.len(), 1);
}
