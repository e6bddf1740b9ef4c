//! Objects that wait for others.

use super::fake::{Call, Fake, applies, commit, maps, pass};
use crate::model::ObjectId;
use crate::port::TargetState;
use crate::resource::{CommitHealth, Dependency, Health};
use std::sync::Arc;

/// A commit with these objects; the kind of those whose name begins with `d-` is Deployment. Each has its dependencies.
fn state(number: u8, objects: &[(&'static str, &str)]) -> TargetState {
    let names: Vec<&'static str> = objects.iter().map(|(name, _)| *name).collect();
    let mut state = commit(number, &maps(&names));
    for (object, (name, depends_on)) in state.objects.iter_mut().zip(objects) {
        let object = Arc::make_mut(object);
        if name.starts_with("d-") {
            object.id = ObjectId::new("apps/v1", "Deployment", Some("shop"), name);
            object.api_version = "apps/v1".into();
        }
        object.intent.depends_on = Dependency::parse_list(depends_on).unwrap_or_default();
    }
    state
}

#[tokio::test(start_paused = true)]
async fn an_object_waits_until_the_objects_that_it_depends_on_are_ready_and_holds_up_nobody() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = state(
        1,
        &[
            ("after", "Deployment/d-db, ConfigMap/settings"),
            ("other", ""),
            ("settings", ""),
            ("d-db", ""),
        ],
    );
    let report = pass(&mut syncer, &declared).await;
    let mut applied = applies(&fake.take_calls())
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    applied.sort();
    assert_eq!(applied, ["d-db", "other", "settings"]);
    assert_eq!(report.health, Some(CommitHealth::Applied));
    assert!(
        !report.is_in_sync() && report.problems().is_empty(),
        "a matter of time is no problem"
    );
    let db = ObjectId::new("apps/v1", "Deployment", Some("shop"), "d-db");
    assert_eq!(report.awaiting[0].on, [db]);
    fake.set_health("d-db", Health::Progressing("0 of 1 replicas available".into()));
    fake.deliver();
    pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), [""; 0]);
    fake.set_health("d-db", Health::Failed("it crashes".into()));
    fake.deliver();
    let report = pass(&mut syncer, &declared).await;
    let problems = report.problems().join("\n");
    assert!(
        problems.contains("ConfigMap shop/after: it is applied when these are ready"),
        "{problems}"
    );
    fake.take_calls();
    fake.set_health("d-db", Health::Ready);
    fake.deliver();
    let report = pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["after"]);
    assert!(report.is_in_sync());
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_objects_without_health_is_applied_in_its_order_within_one_pass() {
    let fake = Fake::new();
    let declared = state(
        1,
        &[
            ("a", "ConfigMap/b"),
            ("b", "ConfigMap/c"),
            ("c", "ConfigMap/d"),
            ("d", ""),
        ],
    );
    let report = pass(&mut fake.syncer(), &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["d", "c", "b", "a"]);
    assert!(report.is_in_sync());
}

#[tokio::test(start_paused = true)]
async fn a_circle_and_an_object_that_nobody_declares_are_findings_and_the_others_go_on() {
    let fake = Fake::new();
    let declared = state(
        1,
        &[
            ("a", "ConfigMap/b"),
            ("b", "ConfigMap/c"),
            ("c", "ConfigMap/a"),
            ("behind", "ConfigMap/a"),
            ("lost", "Deployment/nowhere"),
            ("own", "ConfigMap/own"),
            ("good", ""),
        ],
    );
    let mut syncer = fake.syncer();
    let report = pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["good"]);
    let problems = report.problems().join("\n");
    for part in [
        "a.yaml: ConfigMap shop/a: it waits for itself: ConfigMap shop/a -> ConfigMap shop/b -> ConfigMap shop/c -> ConfigMap shop/a",
        "ConfigMap shop/own: it waits for itself: ConfigMap shop/own -> ConfigMap shop/own",
        "ConfigMap shop/lost: it depends on Deployment nowhere, which is not declared for this target",
        "ConfigMap shop/behind: it is applied when these are ready",
    ] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
    assert_eq!(report.health, Some(CommitHealth::Partial));
    let mended = state(
        2,
        &[
            ("a", ""),
            ("b", "ConfigMap/c"),
            ("c", "ConfigMap/a"),
            ("behind", "ConfigMap/a"),
            ("good", ""),
        ],
    );
    assert!(pass(&mut syncer, &mended).await.failed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_without_waiting() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = state(1, &[("after", "Deployment/d-db"), ("d-db", "")]);
    pass(&mut syncer, &declared).await;
    fake.set_health("d-db", Health::Ready);
    fake.deliver();
    pass(&mut syncer, &declared).await;
    fake.deliver();
    fake.set_health("d-db", Health::Progressing("it moves to another node".into()));
    fake.edit("after", "kubectl-edit");
    fake.deliver();
    fake.take_calls();
    pass(&mut syncer, &declared).await;
    assert_eq!(applies(&fake.take_calls()), ["after"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_deleted_before_the_objects_that_it_depended_on() {
    let names = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"];
    let kept: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    let with = |number, gone: [&'static str; 3]| {
        let gone = ["a", "b", "c"].into_iter().zip(gone).collect();
        Arc::new(state(number, &[kept.clone(), gone].concat()))
    };
    let rows = [
        (["", "ConfigMap/a", "ConfigMap/b"], ["c", "b", "a"]),
        (["ConfigMap/b, ConfigMap/c", "ConfigMap/c", ""], ["a", "b", "c"]),
        // A circle goes first.
        (["", "ConfigMap/c", "ConfigMap/b"], ["b", "c", "a"]),
    ];
    for (dependencies, expected) in rows {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        for state in [with(1, ["", "", ""]), with(2, dependencies)] {
            syncer.note_state(&state);
            pass(&mut syncer, &state).await;
            fake.deliver();
        }
        let last = Arc::new(state(3, &kept));
        syncer.note_state(&last);
        fake.take_calls();
        let report = pass(&mut syncer, &last).await;
        let deleted: Vec<String> = fake
            .take_calls()
            .into_iter()
            .filter_map(|call| match call {
                Call::Delete(name) => Some(name),
                _ => None,
            })
            .collect();
        assert_eq!(deleted, expected, "{:?}", report.prune_blocked);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_waiting_object_may_replace_stays_until_then() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let first = state(1, &[("d-old", ""), ("x", "")]);
    pass(&mut syncer, &first).await;
    fake.deliver();
    let second = state(2, &[("d-new", "ConfigMap/x, Deployment/d-db"), ("d-db", ""), ("x", "")]);
    let report = pass(&mut syncer, &second).await;
    assert_eq!(report.pruned, []);
    assert!(report.prune_blocked.is_some_and(|why| why.contains("d-new")));
}
