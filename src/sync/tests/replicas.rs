//! Who sets the number of replicas.

use super::fake::{Call, Fake, commit, maps, pass};
use crate::model::ObjectId;
use crate::port::TargetState;
use crate::resource::Packed;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A commit with a Deployment of this spec.
fn deployment(number: u8, spec: Value) -> TargetState {
    let mut state = commit(number, &maps(&["web"]));
    let object = Arc::make_mut(&mut state.objects[0]);
    object.id = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
    object.api_version = "apps/v1".into();
    let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
    object.value = Packed::of(&value);
    state
}

#[tokio::test(start_paused = true)]
async fn replicas_that_leave_the_manifest_are_handed_over_before_the_apply() {
    let [over, apply] = [Call::HandOver("web".into()), Call::Apply("web".into())];
    for (is_delivered, restarts) in [(true, false), (true, true), (false, false)] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(&mut syncer, &deployment(1, json!({"replicas": 6, "paused": false}))).await;
        if is_delivered {
            fake.deliver();
        }
        if restarts {
            syncer = fake.syncer();
        }
        let place = |calls: &[Call], call: &Call| calls.iter().position(|made| made == call);
        fake.take_calls();
        for spec in [json!({"paused": true}), json!({"replicas": null})] {
            let next = deployment(2, spec);
            assert!(pass(&mut syncer, &next).await.is_in_sync());
            let calls = fake.take_calls();
            let handed_over = place(&calls, &over);
            assert!(
                handed_over.is_none() || handed_over < place(&calls, &apply),
                "{calls:?}"
            );
            assert_eq!(
                handed_over.is_some(),
                next.objects[0].value.value()["spec"]["paused"] == true,
                "{calls:?}"
            );
            fake.deliver();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_and_replicas_in_git_are_told_apart_from_one_edit_and_end_with_the_manifest() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = deployment(1, json!({"replicas": 6}));
    pass(&mut syncer, &declared).await;
    fake.deliver();
    let mut problems = Vec::new();
    for round in 1..=5 {
        tokio::time::advance(Duration::from_secs(15)).await;
        fake.edit("web", "kube-controller-manager");
        fake.deliver();
        problems = pass(&mut syncer, &declared).await.problems();
        assert!(problems.is_empty(), "round {round}: {problems:?}");
        fake.deliver();
        problems = pass(&mut syncer, &declared).await.problems();
        assert_eq!(problems.is_empty(), round < 5, "round {round}: {problems:?}");
    }
    let told = "kube-controller-manager keeps changing spec.replicas back; take `replicas` out of the manifest";
    assert!(problems[0].contains(told), "{problems:?}");
    let corrected = deployment(2, json!({"paused": false}));
    pass(&mut syncer, &corrected).await;
    fake.deliver();
    assert!(pass(&mut syncer, &corrected).await.problems().is_empty());
}
