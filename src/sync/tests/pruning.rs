//! What a pass deletes, and what it does not.

use super::fake::{Call, Fake, commit, maps, pass};
use crate::model::{Finding, ObjectId, Position, RepoPath, Severity};
use crate::port::TargetState;
use crate::resource::{DeletionLimit, Drift, GroupKind, MemberKey, Packed, RetainReason, Suspended, Waited};
use crate::sync::{ApplyCache, Approval, PlanInputs, plan};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn an_object_that_changed_since_it_was_seen_is_not_deleted() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c", "d", "e"]))).await;
    fake.deliver();
    fake.edit("e", "kubectl");
    let shrunk = commit(2, &maps(&["a", "b", "c", "d"]));
    let report = pass(&mut syncer, &shrunk).await;
    assert!(report.pruned.is_empty() && report.next_try.is_some(), "{report:?}");
    fake.deliver();
    assert_eq!(pass(&mut syncer, &shrunk).await.pruned.len(), 1);
    fake.take_calls();
    assert!(pass(&mut syncer, &shrunk).await.pruned.is_empty());
    assert_eq!(fake.take_calls(), [], "deleted once, though the watch still shows it");
}

/// A Service with this node port.
fn service(state: &mut TargetState, name: &str, port: u16) {
    let object = state.objects.iter_mut().find(|object| object.id.name == name).unwrap();
    let object = Arc::make_mut(object);
    let mut value = object.value.value();
    value["spec"] = json!({"ports": [{"port": 80, "nodePort": port}]});
    object.value = Packed::of(&value);
}

#[tokio::test(start_paused = true)]
async fn while_an_object_is_refused_only_what_it_may_replace_is_not_deleted() {
    for (refused, withheld) in [("ConfigMap", "old"), ("Service", "web"), ("Widget", "")] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        let kept = maps(&["a", "b", "c", "d", "e", "f", "g", "h"]);
        let gone = [maps(&["old"]), vec![("Service", "web", json!({}))]].concat();
        pass(&mut syncer, &commit(1, &[kept.clone(), gone.clone()].concat())).await;
        fake.deliver();
        let renamed = commit(
            2,
            &[kept.clone(), vec![(refused, "new", json!({"refused": "x"}))]].concat(),
        );
        let preview = syncer.preview(&renamed, Approval::default()).await.unwrap();
        let report = pass(&mut syncer, &renamed).await;
        let pruned: Vec<&str> = report.pruned.iter().map(|id| id.name.as_str()).collect();
        let expected: Vec<&str> = ["old", "web"].into_iter().filter(|name| *name != withheld).collect();
        assert_eq!(pruned, expected, "{report:?}");
        assert_eq!(preview.deletions, report.pruned, "the preview says the same");
        assert_eq!(preview.prune_blocked, report.prune_blocked);
        let reason = report.prune_blocked.unwrap_or_default();
        assert_eq!(reason.is_empty(), withheld.is_empty(), "{reason}");
        assert!(
            reason.contains(withheld) && (withheld.is_empty() || reason.contains("new")),
            "{reason}"
        );
        fake.deliver();
        let corrected = commit(3, &[kept, vec![("ConfigMap", "new", json!({}))]].concat());
        assert_eq!(
            pass(&mut syncer, &corrected).await.pruned.len(),
            usize::from(!withheld.is_empty())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_renamed_with_its_node_port_takes_the_place_of_the_old_one() {
    let kept = maps(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    let with = |number, services: &[(&'static str, u16)]| {
        let listed = services.iter().map(|(name, _)| ("Service", *name, json!({})));
        let mut state = commit(number, &[kept.clone(), listed.collect()].concat());
        for (name, port) in services {
            service(&mut state, name, *port);
        }
        state
    };
    // A port that somebody else has, a port of an object that stays, and a port that a deletion sets free.
    for (port, pruned) in [(30_080, vec!["old", "other"]), (30_099, vec![])] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(
            &mut syncer,
            &with(1, &[("old", 30_080), ("other", 30_081), ("stays", 30_099)]),
        )
        .await;
        fake.deliver();
        let renamed = with(2, &[("new", port), ("stays", 30_099)]);
        let preview = syncer.preview(&renamed, Approval::default()).await.unwrap();
        fake.take_calls();
        let report = pass(&mut syncer, &renamed).await;
        let names: Vec<&str> = report.pruned.iter().map(|id| id.name.as_str()).collect();
        assert_eq!(names, pruned, "{report:?}");
        assert_eq!(preview.deletions, report.pruned);
        assert_eq!(preview.failed.len(), report.failed.len());
        assert_eq!(report.is_in_sync(), !pruned.is_empty(), "{report:?}");
        if !pruned.is_empty() {
            let calls = fake.take_calls();
            let place = |call: &Call| calls.iter().rposition(|made| made == call).unwrap();
            let [old, other] = ["old", "other"].map(|name| Call::Delete(name.into()));
            let new = Call::Apply("new".into());
            assert!(place(&old) < place(&new) && place(&new) < place(&other), "{calls:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_service_comes_as_soon_as_the_old_one_is_gone() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let kept = maps(&["a", "b", "c", "d", "e", "f"]);
    let with = |number, name: &'static str| {
        let mut state = commit(number, &[kept.clone(), vec![("Service", name, json!({}))]].concat());
        service(&mut state, name, 30_080);
        state
    };
    pass(&mut syncer, &with(1, "old")).await;
    fake.deliver();
    fake.world().has_finalizers = true;
    let renamed = with(2, "new");
    for round in 0..3 {
        let report = pass(&mut syncer, &renamed).await;
        assert_eq!(report.pruned.len(), usize::from(round == 0), "{report:?}");
        assert!(report.failed[0].message.contains("already allocated"), "{report:?}");
        fake.deliver();
    }
    fake.remove("old");
    fake.deliver();
    let report = pass(&mut syncer, &renamed).await;
    assert!(
        report.is_in_sync() && report.applied.len() == 1,
        "no back-off: {report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn absence_is_not_concluded_from_what_cannot_be_read_and_other_kinds_are_not_concerned() {
    let kept = maps(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    let gone = [maps(&["old"]), vec![("Service", "web", json!({}))]].concat();
    let everything = [kept.clone(), gone].concat();
    type Hindrance = fn(&Fake);
    let obstacles: [(&str, Hindrance, &[&str]); 4] = [
        (
            "objects of kind Service cannot be read at the moment: 403",
            |fake| {
                fake.observed.update(|observed| {
                    let view = observed.kinds.get_mut(&GroupKind::new("", "Service")).unwrap();
                    (view.synced, view.failing) = (false, Some("403".into()));
                    true
                });
            },
            &["old"],
        ),
        (
            "",
            |fake| {
                fake.world().kinds.unanswered.insert("metrics.example.com".into());
            },
            &["web", "old"],
        ),
        (
            "API group  does not answer",
            |fake| {
                fake.world().kinds.unanswered.insert(String::new());
            },
            &[],
        ),
        ("", |_| {}, &["web", "old"]),
    ];
    for (message, hinder, deleted) in obstacles {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(&mut syncer, &commit(1, &everything)).await;
        fake.deliver();
        let state = commit(9, &kept);
        hinder(&fake);
        let kinds = fake.world().kinds.clone();
        let members = fake.world().record.clone().unwrap().members.unwrap();
        let inputs = PlanInputs {
            kinds: &kinds,
            members: &members,
            waited: &Waited::default(),
            observed: &fake.observed.read(Clone::clone),
            cache: &ApplyCache::default(),
            default_namespace: "default",
            protected: &fake.target().protected,
            previous: None,
            approval: Approval::default(),
            additions: Drift::default(),
            limit: DeletionLimit::default(),
            deleted: &BTreeSet::new(),
            now: tokio::time::Instant::now(),
        };
        let made = plan(&state, &inputs);
        let blocked = made.prune_blocked.unwrap_or_default();
        assert!(
            blocked.contains(message) && blocked.is_empty() == message.is_empty(),
            "{blocked}"
        );
        let names: BTreeSet<&str> = made.deletions.iter().map(|step| step.id.name.as_str()).collect();
        assert_eq!(names, deleted.iter().copied().collect(), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_stops_answering_concerns_its_own_objects_only() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declare = |number, names: &[&'static str], data: &str| {
        let mut state = commit(
            number,
            &[maps(names), vec![("ConfigMap", "job", json!({"k": data}))]].concat(),
        );
        let job = Arc::make_mut(state.objects.last_mut().unwrap());
        job.id = ObjectId::new("batch/v1", "Job", Some("shop"), "job");
        job.api_version = "batch/v1".into();
        state
    };
    let all = ["a", "b", "c", "d", "e"];
    pass(&mut syncer, &declare(1, &all, "1")).await;
    fake.deliver();
    fake.world().away_group = Some("batch".into());
    let report = pass(&mut syncer, &declare(2, &all, "2")).await;
    assert_eq!(
        (report.outage, report.failed.len()),
        (None, 1),
        "before discovery notices it"
    );
    fake.world().away_group = None;
    fake.world().kinds.unanswered.insert("batch".into());
    fake.observed.update(|observed| {
        let view = observed.kinds.get_mut(&GroupKind::new("batch", "Job")).unwrap();
        (view.synced, view.away, view.failing) = (false, true, Some("503".into()));
        true
    });
    let report = pass(&mut syncer, &declare(3, &all[..4], "3")).await;
    assert_eq!(report.outage, None, "the server itself answers");
    assert_eq!(report.pruned.len(), 1, "{report:?}");
    assert!(
        report.failed[0].message.contains("API group batch does not answer"),
        "{report:?}"
    );
    assert_eq!(report.failed.len(), 1);
    assert!(report.next_try.is_some());
    let kinds = fake.world().record.clone().unwrap().kinds;
    assert!(
        kinds.contains(&GroupKind::new("batch", "Job")),
        "the kind is not forgotten"
    );
    fake.world().kinds.unanswered.clear();
    fake.deliver();
    assert!(pass(&mut syncer, &declare(4, &all[..4], "3")).await.is_in_sync());
}

#[tokio::test(start_paused = true)]
async fn a_kind_whose_version_went_away_fails_and_its_objects_stay() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let names = maps(&["a", "b", "c", "d"]);
    pass(&mut syncer, &commit(1, &names)).await;
    fake.deliver();
    let mut moved = commit(2, &names);
    Arc::make_mut(&mut moved.objects[0]).api_version = "v0".into();
    fake.take_calls();
    let report = pass(&mut syncer, &moved).await;
    assert_eq!(report.failed.len(), 1);
    assert!(
        report.failed[0].message.contains("it serves v1"),
        "{}",
        report.failed[0].message
    );
    assert!(report.pruned.is_empty() && report.waiting.is_none());
    assert!(!fake.take_calls().iter().any(|call| matches!(call, Call::Delete(_))));
}

#[tokio::test(start_paused = true)]
async fn a_copied_label_and_field_manager_do_not_make_an_object_the_agents() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let declared = commit(1, &maps(&["a", "b", "c", "d"]));
    pass(&mut syncer, &declared).await;
    fake.copy("a", "copied");
    fake.deliver();
    fake.take_calls();
    for mut syncer in [syncer, fake.syncer()] {
        let report = pass(&mut syncer, &declared).await;
        assert!(report.is_in_sync(), "{report:?}");
        assert_eq!(report.retained.len(), 1);
        assert_eq!(report.retained[0].1, RetainReason::NotApplied);
    }
    assert!(!fake.take_calls().iter().any(|call| matches!(call, Call::Delete(_))));
}

#[tokio::test(start_paused = true)]
async fn what_is_suspended_keeps_its_objects_and_others_are_deleted_meanwhile() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let names = maps(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    pass(&mut syncer, &commit(1, &names)).await;
    let of = |name: &str| Some(MemberKey::of_kustomization(name));
    for (id, live) in &mut fake.world().live {
        live.kustomization = match id.name.as_str() {
            "a" => of("flux-system/apps"),
            _ => of("flux-system/base"),
        };
    }
    fake.deliver();
    let all = |is_suspended| Suspended::of([("flux-system/apps", is_suspended), ("flux-system/base", false)]);
    let suspended = TargetState {
        suspended: all(true),
        ..commit(2, &names[2..])
    };
    let report = pass(&mut syncer, &suspended).await;
    let pruned: Vec<&str> = report.pruned.iter().map(|id| id.name.as_str()).collect();
    assert_eq!(pruned, ["b"], "{report:?}");
    let retained: Vec<_> = report
        .retained
        .iter()
        .map(|(id, why)| (id.name.as_str(), *why))
        .collect();
    assert_eq!(retained, [("a", RetainReason::Suspended)]);
    fake.deliver();
    let resumed = TargetState {
        suspended: all(false),
        ..commit(3, &names[2..])
    };
    let report = pass(&mut syncer, &resumed).await;
    let pruned: Vec<&str> = report.pruned.iter().map(|id| id.name.as_str()).collect();
    assert_eq!(pruned, ["a"], "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_a_process_that_ended_before_it_wrote_the_record_is_the_agents() {
    let fake = Fake::new();
    let all = maps(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    fake.world().answers_left = Some(8);
    let report = pass(&mut fake.syncer(), &commit(1, &all)).await;
    assert!(report.outage.is_some(), "{report:?}");
    fake.world().answers_left = None;
    fake.deliver();
    let report = pass(&mut fake.syncer(), &commit(2, &all[1..])).await;
    assert_eq!(report.pruned.len(), 1, "{report:?}");
}

fn error(path: &str, position: Option<Position>, message: &str) -> Finding {
    Finding {
        path: RepoPath::parse(path).unwrap(),
        position,
        object: None,
        severity: Severity::Error,
        message: message.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_comes_first_in_every_answer_and_blocks_deletions_in_words_of_its_own() {
    let line = Some(Position { line: 8, column: 1 });
    let rows = [
        (
            error("web.yaml", line, "no YAML"),
            "web.yaml:8:1: no YAML",
            "not every file of the commit could be read",
        ),
        (
            error("prod", None, "has a kustomization file"),
            "prod: has a",
            "deleted: prod: has a kustomization file",
        ),
        (
            error(".", None, "the commit has no files"),
            ".: the commit has",
            "deleted: .: the commit has no files",
        ),
    ];
    for (finding, first, blocked) in rows {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(&mut syncer, &commit(1, &maps(&["a", "b", "c", "d"]))).await;
        fake.deliver();
        let mut unread = commit(2, &maps(&["a", "b", "c"]));
        (unread.findings, unread.complete) = (vec![finding], false);
        let report = pass(&mut syncer, &unread).await;
        assert!(report.is_partial() && report.pruned.is_empty(), "{report:?}");
        let problems = report.problems();
        assert!(problems[0].starts_with(first), "{problems:?}");
        let reason = report.prune_blocked.unwrap_or_default();
        assert!(reason.contains(blocked), "{reason}");
        assert_eq!(fake.world().record.as_ref().unwrap().problems, problems);

        unread
            .objects
            .clone_from(&commit(2, &maps(&["a", "b", "c", "d"])).objects);
        let report = pass(&mut syncer, &unread).await;
        assert!(
            report.is_partial() && report.prune_blocked.is_none(),
            "partial also with nothing to delete"
        );
        assert_eq!(fake.world().record.as_ref().unwrap().status, "4 objects, 1 problem");
    }
}
