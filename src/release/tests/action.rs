//! What is to be done next.

use super::super::*;
use super::{digest, now, spec};
use serde_json::json;
use std::time::Duration;

fn revisions(text: &str) -> Vec<Revision> {
    let words = text.split_whitespace().enumerate();
    words
        .map(|(index, word)| {
            let (status, inputs) = word.split_once('/').unwrap_or((word, ""));
            let (inputs, age) = inputs.split_once('@').unwrap_or((inputs, "3600"));
            let number = u32::try_from(index).unwrap() + 1;
            Revision {
                number,
                status: RevisionStatus::parse(status),
                changed: Some(now() - jiff::SignedDuration::from_secs(age.parse().unwrap())),
                inputs: (!inputs.is_empty()).then(|| digest(inputs)),
            }
        })
        .collect()
}

/// `spec` is a list of words: `rollback`, `retry`, `test`, `ignore`.
fn decide(stored: &str, words: &str, tries: &Tries, began: bool, is_worked_on: bool) -> Next {
    let has = |word: &str| words.split(' ').any(|other| other == word);
    let spec = spec(json!({
        "rollback": {"enable": has("rollback"), "retry": has("retry"), "maxRetries": 2},
        "test": {"enable": has("test"), "ignoreFailures": has("ignore")},
    }));
    let (inputs, stored) = (digest("new"), revisions(stored));
    next(&Situation {
        spec: &spec,
        inputs: &inputs,
        stored: &stored,
        tries,
        began,
        is_worked_on,
        now: now(),
    })
}

fn failed(failures: u32, seconds_ago: i64) -> Tries {
    Tries {
        failures,
        failed_at: Some(now() - jiff::SignedDuration::from_secs(seconds_ago)),
        ..Tries::default()
    }
}

#[test]
fn every_state_has_one_next_action() {
    let none = Tries::default();
    let wait = |seconds| Action::Wait(Duration::from_secs(seconds));
    let release = |revision| Action::Release { revision };
    // Revisions (status/inputs@age), words of the spec, tries, state, action.
    for (stored, words, tries, state, action) in [
        ("", "", none.clone(), State::Absent, release(1)),
        ("", "", failed(1, 3), State::Absent, wait(7)),
        ("", "", failed(1, 10), State::Absent, release(1)),
        ("", "", failed(2, 10), State::Absent, wait(10)),
        ("", "", failed(4, 100), State::Absent, release(1)),
        ("", "", failed(5, 9999), State::Absent, Action::GiveUp),
        ("deployed/new", "", none.clone(), State::Deployed, Action::Rest),
        (
            "superseded/old deployed/new",
            "rollback",
            none.clone(),
            State::Deployed,
            Action::Rest,
        ),
        ("deployed/old", "", none.clone(), State::Outdated, release(2)),
        ("deployed/old", "", failed(1, 60), State::Outdated, release(2)),
        ("deployed/old", "", failed(5, 60), State::Outdated, Action::GiveUp),
        ("deployed", "", none.clone(), State::Foreign, release(2)),
        ("superseded deployed", "", none.clone(), State::Foreign, release(3)),
        ("failed/new", "", none.clone(), State::Failed, release(2)),
        ("failed/new", "", failed(1, 3), State::Failed, wait(7)),
        ("failed/new failed/new", "", failed(2, 25), State::Failed, release(3)),
        (
            "failed/new failed/new failed/new failed/new failed/new",
            "",
            failed(5, 9999),
            State::Failed,
            Action::GiveUp,
        ),
        ("failed/old", "", none.clone(), State::FailedBefore, release(2)),
        ("failed", "", none.clone(), State::FailedBefore, release(2)),
        ("deployed/old failed/new", "", failed(1, 60), State::Failed, release(3)),
        (
            "deployed/old failed/new",
            "rollback",
            failed(1, 1),
            State::Failed,
            Action::Rollback(1),
        ),
        (
            "superseded/a deployed/old failed/new",
            "rollback",
            failed(1, 1),
            State::Failed,
            Action::Rollback(2),
        ),
        (
            "deployed failed/new",
            "rollback",
            failed(1, 1),
            State::Failed,
            Action::Rollback(1),
        ),
        // A failed first install has nothing to go back to, and is not tried for ever.
        ("failed/new", "rollback", failed(1, 9999), State::Failed, Action::GiveUp),
        ("failed/new", "rollback retry", failed(1, 60), State::Failed, release(2)),
        // Rolled back: the label of revision 1 does not count on revision 3.
        (
            "superseded/old failed/new deployed",
            "rollback",
            failed(1, 9999),
            State::Foreign,
            Action::GiveUp,
        ),
        (
            "superseded/old failed/new deployed",
            "rollback retry",
            failed(1, 9999),
            State::Foreign,
            release(4),
        ),
        (
            "superseded/old failed/new deployed",
            "rollback retry",
            failed(3, 9999),
            State::Foreign,
            Action::GiveUp,
        ),
        (
            "superseded/old failed/new deployed",
            "rollback",
            none.clone(),
            State::Foreign,
            release(4),
        ),
        (
            "superseded/new superseded/old",
            "",
            none.clone(),
            State::Lost,
            release(3),
        ),
        (
            "strange/new",
            "",
            none.clone(),
            State::Pending(RevisionStatus::Unknown),
            Action::MarkFailed(1),
        ),
        ("uninstalled/new", "", none.clone(), State::Uninstalled, release(2)),
        (
            "pending-install/new",
            "",
            none.clone(),
            State::Pending(RevisionStatus::PendingInstall),
            Action::MarkFailed(1),
        ),
        (
            "deployed/old pending-upgrade/new",
            "",
            none.clone(),
            State::Pending(RevisionStatus::PendingUpgrade),
            Action::MarkFailed(2),
        ),
        (
            "deployed/old pending-upgrade/older",
            "",
            none.clone(),
            State::Pending(RevisionStatus::PendingUpgrade),
            Action::MarkFailed(2),
        ),
        (
            "pending-install/@100",
            "",
            none.clone(),
            State::Pending(RevisionStatus::PendingInstall),
            wait(560),
        ),
    ] {
        let decided = decide(stored, words, &tries, false, false);
        assert_eq!(decided, Next { state, action }, "{stored}, {words}, {tries:?}");
    }
}

#[test]
fn a_pending_operation_of_somebody_else_has_its_time_and_one_of_ours_is_led_out_when_nobody_works_on_it() {
    let none = Tries::default();
    for status in ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"] {
        for (age, began, is_worked_on, action) in [
            (1, false, false, Action::Wait(Duration::from_secs(659))),
            (659, false, false, Action::Wait(Duration::from_secs(1))),
            (660, false, false, Action::MarkFailed(1)),
            (1, true, false, Action::MarkFailed(1)),
            (1, true, true, Action::Wait(Duration::from_secs(5))),
            (9999, false, true, Action::Wait(Duration::from_secs(5))),
        ] {
            let decided = decide(&format!("{status}/@{age}"), "", &none, began, is_worked_on);
            assert_eq!(decided.action, action, "{status} {age} {began} {is_worked_on}");
        }
    }
}

#[test]
fn a_failed_rollback_is_tried_again_and_ends() {
    let rollback = |rollback_failures| Tries {
        rollback_failures,
        ..failed(1, 60)
    };
    let stored = "superseded/old failed/new failed";
    for (failures, action) in [(1, Action::Rollback(1)), (2, Action::Rollback(1)), (3, Action::GiveUp)] {
        let decided = decide(stored, "rollback", &rollback(failures), false, false);
        assert_eq!(decided.action, action, "{failures}");
    }
    assert_eq!(
        decide(stored, "rollback", &Tries::default(), false, false).action,
        Action::Release { revision: 4 }
    );
}

#[test]
fn tests_run_once_for_each_revision() {
    let tested = |tests_failed| Tries {
        tested: Some(2),
        tests_failed,
        ..Tries::default()
    };
    let stored = "superseded/old deployed/new";
    for (words, tries, action) in [
        ("test", Tries::default(), Action::Test(2)),
        ("test", tested(false), Action::Rest),
        ("test", tested(true), Action::GiveUp),
        ("test ignore", tested(true), Action::Rest),
        ("test rollback", tested(true), Action::Rollback(1)),
        ("rollback", tested(true), Action::Rest),
    ] {
        assert_eq!(decide(stored, words, &tries, false, false).action, action, "{words}");
    }
}

#[test]
fn a_release_goes_when_nobody_works_on_it_and_its_helmrelease_goes_after_it() {
    let (spec, inputs) = (spec(json!({})), digest("new"));
    for (stored, tries, began, is_worked_on, action) in [
        ("", Tries::default(), false, false, Action::Forget),
        ("deployed/new", Tries::default(), false, false, Action::Uninstall),
        (
            "failed/new",
            failed(1, 3),
            false,
            false,
            Action::Wait(Duration::from_secs(7)),
        ),
        ("failed/new", failed(9, 9999), false, false, Action::Uninstall),
        ("uninstalled", Tries::default(), false, false, Action::Uninstall),
        ("uninstalling/@1", Tries::default(), true, false, Action::Uninstall),
        (
            "uninstalling/@1",
            Tries::default(),
            false,
            false,
            Action::Wait(Duration::from_secs(659)),
        ),
        (
            "pending-upgrade/new@1",
            Tries::default(),
            false,
            true,
            Action::Wait(Duration::from_secs(5)),
        ),
        (
            "pending-upgrade/new@1",
            Tries::default(),
            false,
            false,
            Action::Uninstall,
        ),
    ] {
        let stored_revisions = revisions(stored);
        let decided = next_removal(&Situation {
            spec: &spec,
            inputs: &inputs,
            stored: &stored_revisions,
            tries: &tries,
            began,
            is_worked_on,
            now: now(),
        });
        assert_eq!(decided.action, action, "{stored}");
    }
}
