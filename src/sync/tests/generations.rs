//! The order of a list is no field: somebody who changes it leaves the agent's entry as it is, and moves the generation.

use super::fake::{Fake, applies, commit, maps, pass};
use crate::port::TargetState;
use crate::resource::Drift;
use crate::sync::{Change, Syncer};
use std::sync::Arc;
use std::time::Duration;

async fn converged() -> (Arc<Fake>, Syncer<Fake, Fake>, TargetState) {
    let (fake, state) = (Fake::new(), commit(1, &maps(&["a", "b"])));
    fake.world().has_generations = true;
    let mut syncer = fake.syncer();
    pass(&mut syncer, &state).await;
    fake.deliver();
    pass(&mut syncer, &state).await;
    fake.take_calls();
    tokio::time::advance(Duration::from_secs(2)).await;
    (fake, syncer, state)
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_order_is_put_back_with_one_apply() {
    let (fake, mut syncer, state) = converged().await;
    fake.world().keeps_watches = true;
    let wakes = fake.observed.subscribe_to_others();
    fake.move_generation("a", "kubectl-replace", true);
    fake.show("a");
    assert!(wakes.has_changed().unwrap());
    let report = pass(&mut syncer, &state).await;
    assert_eq!(applies(&fake.take_calls()), ["a"]);
    assert_eq!((report.count(Change::Repaired), report.looks), (1, 1), "{report:?}");
    fake.deliver();
    assert_eq!(pass(&mut syncer, &state).await.requests, 0);
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_moves_for_a_harmless_reason_costs_one_request_and_is_no_repair() {
    let (fake, mut syncer, state) = converged().await;
    for moves in 1..=20 {
        fake.move_generation("b", "horizontal-pod-autoscaler", false);
        fake.deliver();
        let report = pass(&mut syncer, &state).await;
        assert_eq!(applies(&fake.take_calls()), ["b"]);
        assert_eq!((report.count(Change::Unchanged), report.looks), (1, 1));
        assert!(
            report.is_in_sync() && report.contended.is_empty(),
            "move {moves}: {report:?}"
        );
        fake.deliver();
        let report = pass(&mut syncer, &state).await;
        assert_eq!(report.requests, 0, "one request for each move: {report:?}");
        tokio::time::advance(Duration::from_secs(15)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_drift_is_not_repaired_is_not_looked_at() {
    for drift in [Drift::Warn, Drift::Ignore] {
        let (fake, mut syncer, mut state) = converged().await;
        Arc::make_mut(&mut state.objects[0]).intent.drift = drift;
        fake.move_generation("a", "kubectl-replace", true);
        fake.deliver();
        let report = pass(&mut syncer, &state).await;
        assert_eq!(report.requests, 0, "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_who_keeps_changing_the_order_is_an_opponent_as_any_other() {
    let (fake, mut syncer, state) = converged().await;
    let mut contended = 0;
    for _ in 0..100 {
        fake.move_generation("a", "some-operator", true);
        fake.deliver();
        contended += pass(&mut syncer, &state).await.contended.len();
        tokio::time::advance(Duration::from_millis(1500)).await;
    }
    let repairs = applies(&fake.take_calls()).len();
    assert!(
        (12..30).contains(&repairs) && contended > 0,
        "{repairs} repairs in 150 s"
    );
}
