//! What a pass deletes, and what it does not.

use super::fake::{Call, Fake, commit, maps, pass};
use crate::model::{CommitId, Finding, RepoPath, Severity};
use crate::port::TargetState;
use crate::resource::{DeletionLimit, GroupKind, RetainReason};
use crate::sync::{ApplyCache, Approval, PlanInputs, Syncer, plan};
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

#[tokio::test(start_paused = true)]
async fn while_an_object_is_refused_what_it_may_replace_is_not_deleted() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c", "d", "old"]))).await;
    fake.deliver();
    let renamed = [maps(&["a", "b", "c", "d"]), vec![("Widget", "new", json!({}))]].concat();
    let report = pass(&mut syncer, &commit(2, &renamed)).await;
    assert!(report.pruned.is_empty(), "{report:?}");
    let reason = report.prune_blocked.unwrap_or_default();
    assert!(
        reason.contains("1 object") && reason.contains("Widget") && reason.contains("new"),
        "{reason}"
    );
    let corrected = commit(3, &maps(&["a", "b", "c", "d", "new"]));
    assert_eq!(pass(&mut syncer, &corrected).await.pruned.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn absence_is_not_concluded_from_what_cannot_be_read() {
    let everything: Vec<_> = [maps(&["a", "b", "c", "d"]), vec![("Service", "web", json!({}))]].concat();
    let without_web = commit(2, &maps(&["a", "b", "c", "d"]));
    type Hindrance = fn(&Fake);
    let obstacles: [(&str, Hindrance); 3] = [
        ("objects of kind Service cannot be read at the moment: 403", |fake| {
            fake.observed.update(|observed| {
                let view = observed.kinds.get_mut(&GroupKind::new("", "ConfigMap")).unwrap();
                view.synced = true;
                let view = observed.kinds.get_mut(&GroupKind::new("", "Service")).unwrap();
                (view.synced, view.failing) = (false, Some("403".into()));
                true
            });
        }),
        ("API group metrics.example.com does not answer", |fake| {
            fake.world().kinds.unanswered.insert("metrics.example.com".into());
        }),
        ("", |_| {}),
    ];
    for (message, hinder) in obstacles {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        pass(&mut syncer, &commit(1, &everything)).await;
        fake.deliver();
        let mut state = without_web.clone();
        state.commit = CommitId::from_bytes([9; 20]);
        hinder(&fake);
        let kinds = fake.world().kinds.clone();
        let members = fake.world().record.clone().unwrap().members.unwrap();
        let inputs = PlanInputs {
            kinds: &kinds,
            recorded: &BTreeSet::from([GroupKind::new("", "ConfigMap"), GroupKind::new("", "Service")]),
            members: &members,
            observed: &fake.observed.read(Clone::clone),
            cache: &ApplyCache::default(),
            default_namespace: "default",
            protected: &fake.target().protected,
            previous: None,
            approval: Approval::default(),
            limit: DeletionLimit::default(),
            now: tokio::time::Instant::now(),
        };
        let made = plan(&state, &inputs);
        let blocked = made.prune_blocked.unwrap_or_default();
        assert!(blocked.contains(message), "{blocked}");
        assert_eq!(made.deletions.len(), usize::from(message.is_empty()), "{message}");
    }
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
async fn a_rewritten_history_is_asked_about_also_when_a_bad_file_held_the_deletions_up() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(
        fake.target(),
        DeletionLimit {
            count: 10,
            percent: 100,
        },
    );
    pass(&mut syncer, &commit(1, &maps(&["a", "b", "c"]))).await;
    fake.deliver();
    let mut rewritten = commit(2, &maps(&["a", "b"]));
    rewritten.complete = false;
    let approval = Approval {
        history_broken: true,
        ..Approval::default()
    };
    let report = syncer.pass(&rewritten, approval).await;
    assert!(report.prune_blocked.is_some(), "{report:?}");
    assert_eq!(
        syncer.last_applied().await.unwrap(),
        Some(CommitId::from_bytes([1; 20])),
        "whether the next commit descends from what was applied is still to be decided"
    );
}

fn skipped(mut state: TargetState, path: &str, severity: Severity) -> TargetState {
    state.findings.push(Finding {
        path: RepoPath::parse(path).unwrap(),
        position: None,
        object: None,
        severity,
        message: "is not read".to_owned(),
    });
    state.complete = severity != Severity::Error;
    state
}

#[tokio::test(start_paused = true)]
async fn what_a_folder_declared_that_changed_its_nature_waits_for_a_person() {
    let (all, fewer) = (maps(&["a", "b", "c", "d", "e", "f"]), maps(&["a", "b", "c", "d", "e"]));
    let applied = Arc::new(commit(1, &all));
    let root = "";
    for (before, after, waits) in [
        (None, None, false),
        (None, Some(root), true),
        (None, Some("f.yaml"), true),
        (None, Some("g.yaml"), false),
        (Some("f.yaml"), Some("f.yaml"), false),
    ] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        let first = before.map_or(applied.clone(), |path| {
            Arc::new(skipped(commit(1, &all), path, Severity::Notice))
        });
        syncer.note_state(&first);
        pass(&mut syncer, &first).await;
        fake.deliver();
        let second = after.map_or(commit(2, &fewer), |path| {
            skipped(commit(2, &fewer), path, Severity::Notice)
        });
        let second = Arc::new(second);
        syncer.note_state(&second);
        let preview = syncer.preview(&second, Approval::default()).await.unwrap();
        assert_eq!(preview.waiting.is_some(), waits, "{before:?} {after:?}");
        for _ in 0..2 {
            let report = pass(&mut syncer, &second).await;
            assert_eq!(report.waiting.is_some(), waits, "{before:?} {after:?}");
            assert!(report.pruned.is_empty() || !waits);
        }
        // A later commit does not forget it, and a confirmation lifts it.
        let third = Arc::new(TargetState {
            commit: CommitId::from_bytes([3; 20]),
            ..TargetState::clone(&second)
        });
        syncer.note_state(&third);
        assert_eq!(pass(&mut syncer, &third).await.waiting.is_some(), waits);
        let approval = Approval {
            confirmed: Some(third.commit),
            ..Approval::default()
        };
        let report = syncer.pass(&third, approval).await;
        assert_eq!(report.pruned.len(), usize::from(waits), "{before:?} {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nature_is_not_forgotten_while_a_bad_file_blocks_the_deletions() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let (all, fewer) = (maps(&["a", "b", "c", "d", "e", "f"]), maps(&["a", "b", "c", "d", "e"]));
    let bad = skipped(
        skipped(commit(2, &fewer), "", Severity::Notice),
        "x.yaml",
        Severity::Error,
    );
    let corrected = skipped(commit(3, &fewer), "", Severity::Notice);
    let [first, bad, corrected] = [commit(1, &all), bad, corrected].map(Arc::new);
    for state in [&first, &bad] {
        syncer.note_state(state);
        let report = pass(&mut syncer, state).await;
        assert_eq!(report.prune_blocked.is_some(), !state.complete);
        fake.deliver();
    }
    syncer.note_state(&corrected);
    assert!(pass(&mut syncer, &corrected).await.waiting.is_some());
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
async fn without_a_record_nothing_is_deleted_until_a_person_confirms() {
    let fake = Fake::new();
    pass(&mut fake.syncer(), &commit(1, &maps(&["a", "b", "c", "d", "e", "f"]))).await;
    fake.deliver();
    fake.world().record = None;
    let other = commit(2, &maps(&["a", "b", "c", "d", "e"]));
    for _ in 0..2 {
        let report = pass(&mut fake.syncer(), &other).await;
        assert!(report.pruned.is_empty(), "{report:?}");
        let waiting = report.waiting.unwrap();
        assert!(
            waiting.remedy.contains("the set's record was lost"),
            "{}",
            waiting.remedy
        );
        assert_eq!(waiting.objects.len(), 1);
        fake.deliver();
    }
    let approval = Approval {
        confirmed: Some(other.commit),
        ..Approval::default()
    };
    assert_eq!(fake.syncer().pass(&other, approval).await.pruned.len(), 1);
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
