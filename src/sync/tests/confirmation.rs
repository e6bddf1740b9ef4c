//! Deletions that wait for a person.

use super::fake::{Fake, commit, maps, pass};
use crate::model::{CommitId, Finding, RepoPath, Severity};
use crate::port::TargetState;
use crate::resource::DeletionLimit;
use crate::sync::{Approval, SyncReport, Syncer};
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn a_rewritten_history_is_asked_about_also_when_a_bad_file_held_the_deletions_up() {
    let fake = Fake::new();
    let mut syncer = Syncer::new(
        fake.target(),
        DeletionLimit {
            count: 10,
            percent: 100,
            floor: 3,
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
async fn a_confirmation_counts_for_the_objects_that_waited_and_no_others() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    pass(&mut syncer, &commit(1, &maps(&names))).await;
    fake.deliver();
    let removal = commit(2, &maps(&names[..4]));
    assert_eq!(pass(&mut syncer, &removal).await.waiting.unwrap().objects.len(), 4);
    let confirmed = Approval {
        confirmed: Some(removal.commit),
        ..Approval::default()
    };
    let more = commit(3, &maps(&names[..2]));
    let report = syncer.pass(&more, confirmed).await;
    assert!(report.pruned.is_empty() && report.waiting.is_some(), "{report:?}");
    let bumped = commit(4, &maps(&names[..4]));
    let report = fake.syncer().pass(&bumped, confirmed).await;
    assert_eq!(
        report.pruned.len(),
        4,
        "the tip moved on, and the objects are the same: {report:?}"
    );
    fake.deliver();
    let report = syncer.pass(&commit(5, &[]), confirmed).await;
    assert!(
        report.pruned.is_empty(),
        "an old confirmation permits nothing new: {report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn neither_a_late_watch_nor_a_later_commit_divides_the_deletions_of_one_removal() {
    let fake = Fake::new();
    let mut syncer = fake.syncer();
    let all = maps(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    noted_pass(&mut syncer, &commit(1, &all)).await;
    fake.deliver();
    let late = fake.world().live.keys().find(|id| id.name == "d").cloned().unwrap();
    let live = fake.world().live.remove(&late).unwrap();
    fake.show("d");
    let shrunk = commit(2, &maps(&["e", "f", "g", "h", "i"]));
    assert_eq!(
        noted_pass(&mut syncer, &shrunk).await.pruned.len(),
        3,
        "as many as a commit may delete"
    );
    fake.world().live.insert(late.clone(), live);
    fake.deliver();
    let report = noted_pass(&mut syncer, &shrunk).await;
    assert!(report.pruned.is_empty(), "{report:?}");
    assert_eq!(
        report.waiting.unwrap().objects,
        [late],
        "four of nine wait for a person"
    );
    let next = commit(3, &maps(&["e", "f", "g", "h", "i", "j"]));
    let report = noted_pass(&mut syncer, &next).await;
    assert!(
        report.pruned.is_empty(),
        "a commit that removes nothing changes nothing: {report:?}"
    );
    let another = commit(4, &maps(&["f", "g", "h", "i", "j"]));
    assert_eq!(
        noted_pass(&mut syncer, &another).await.pruned.len(),
        2,
        "another removal is another act"
    );
}

/// A pass as the loop makes it: the syncer learns first what the commit declares.
async fn noted_pass(syncer: &mut Syncer<Fake, Fake>, state: &TargetState) -> SyncReport {
    syncer.note_state(&Arc::new(state.clone()));
    pass(syncer, state).await
}
