//! Objects that run to an end, and what becomes of them when they are gone.

use super::fake::{Fake, applies, commit, pass};
use crate::model::{CommitId, ObjectId};
use crate::port::TargetState;
use crate::resource::{Drift, Packed};
use serde_json::{Value, json};
use std::sync::Arc;

/// A commit with a Job of this spec.
fn job(number: u8, spec: Value, drift: Drift) -> TargetState {
    let mut state = commit(number, &[("ConfigMap", "migrate", json!({}))]);
    let object = Arc::make_mut(&mut state.objects[0]);
    object.id = ObjectId::new("batch/v1", "Job", Some("shop"), "migrate");
    object.api_version = "batch/v1".into();
    let value = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": spec});
    object.value = Packed::of(&value);
    object.intent.drift = drift;
    state
}

async fn runs_again(fake: &Arc<Fake>, syncer: &mut crate::sync::Syncer<Fake, Fake>, declared: &TargetState) -> bool {
    fake.take_calls();
    pass(syncer, declared).await;
    !applies(&fake.take_calls()).is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_run_and_is_gone_does_not_run_again() {
    for drift in [Drift::Repair, Drift::Warn, Drift::Ignore] {
        for is_seen in [true, false] {
            let fake = Fake::new();
            let mut syncer = fake.syncer();
            let declared = job(1, json!({"ttlSecondsAfterFinished": 0}), drift);
            pass(&mut syncer, &declared).await;
            fake.deliver();
            fake.finish("migrate");
            fake.deliver();
            if is_seen {
                pass(&mut syncer, &declared).await;
            }
            fake.remove("migrate");
            fake.deliver();
            assert!(!runs_again(&fake, &mut syncer, &declared).await, "{drift:?} {is_seen}");
            assert!(!runs_again(&fake, &mut syncer, &declared).await, "{drift:?} {is_seen}");
            let mut restarted = fake.syncer();
            let preview = restarted.preview(&declared, Default::default()).await.unwrap();
            assert!(preview.objects.is_empty(), "{preview}");
            assert!(
                !runs_again(&fake, &mut restarted, &declared).await,
                "{drift:?} {is_seen}"
            );
            let later = TargetState {
                commit: CommitId::from_bytes([2; 20]),
                ..declared.clone()
            };
            assert!(
                !runs_again(&fake, &mut restarted, &later).await,
                "another commit, the same manifest"
            );
            let changed = job(3, json!({"ttlSecondsAfterFinished": 0, "completions": 2}), drift);
            assert!(
                runs_again(&fake, &mut restarted, &changed).await,
                "a changed manifest is another run"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_deleted_before_its_end_comes_back() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = job(1, json!({"ttlSecondsAfterFinished": 0}), Drift::Repair);
    pass(&mut syncer, &declared).await;
    fake.deliver();
    fake.remove("migrate");
    fake.deliver();
    assert!(runs_again(&fake, &mut syncer, &declared).await);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_went_while_no_process_watched_has_run_if_it_removes_itself() {
    for (spec, again) in [
        (json!({"ttlSecondsAfterFinished": 60}), false),
        (json!({}), true),
        (json!({"ttlSecondsAfterFinished": null}), true),
    ] {
        let fake = Fake::new();
        let declared = job(1, spec.clone(), Drift::Repair);
        pass(&mut fake.syncer(), &declared).await;
        fake.remove("migrate");
        fake.deliver();
        assert_eq!(runs_again(&fake, &mut fake.syncer(), &declared).await, again, "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_leaves_the_repo_and_comes_back_runs_again_and_a_broken_file_is_no_leaving() {
    for (complete, again) in [(true, true), (false, false)] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        let declared = job(1, json!({}), Drift::Repair);
        pass(&mut syncer, &declared).await;
        fake.deliver();
        fake.finish("migrate");
        fake.deliver();
        pass(&mut syncer, &declared).await;
        fake.remove("migrate");
        fake.deliver();
        let mut without = commit(2, &[]);
        without.complete = complete;
        pass(&mut syncer, &without).await;
        assert_eq!(
            runs_again(&fake, &mut syncer, &declared).await,
            again,
            "complete: {complete}"
        );
    }
}
