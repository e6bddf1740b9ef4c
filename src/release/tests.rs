use super::*;
use crate::model::{BlobId, BranchName, ConfigBranch, Remote};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

fn release(spec: Value) -> Value {
    json!({"apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}

fn own() -> ConfigBranch {
    ConfigBranch {
        remote: Remote::parse("ssh://git@github.com/acme/fleet.git"),
        branch: BranchName::parse("main").unwrap(),
    }
}

fn read(spec: Value) -> Result<Spec, Refusal> {
    Spec::read(&release(spec), Some(&own()))
}

fn spec(more: Value) -> Spec {
    let mut spec = json!({"chart": {"path": "charts/web"}});
    let (map, more) = (spec.as_object_mut().unwrap(), more.as_object().unwrap().clone());
    map.extend(more);
    read(spec).unwrap()
}

#[test]
fn the_defaults_are_those_of_helm_operator() {
    let read = spec(json!({}));
    assert_eq!((read.release.as_str(), read.namespace.as_str()), ("shop-web", "shop"));
    assert_eq!((read.max_history, read.timeout.as_secs()), (10, 300));
    assert!(!read.wait && !read.reuse_values && !read.atomic && !read.force);
    assert_eq!(read.rollback.max_retries, Some(5));
    let other = spec(json!({"targetNamespace": "other", "rollback": {"enable": true, "maxRetries": 0}}));
    assert_eq!(
        (other.release.as_str(), other.namespace.as_str()),
        ("shop-other-web", "other")
    );
    assert!(other.wait, "whoever rolls back has to know that an upgrade failed");
    assert_eq!(other.rollback.max_retries, None);
    assert!(spec(json!({"test": {"enable": true}})).wait);
    assert!(!spec(json!({"test": {"enable": true}, "wait": false})).wait);
    assert!(spec(json!({"resetValues": false})).reuse_values);
    assert!(!spec(json!({"helmVersion": "v3", "rollback": null, "timeout": null})).wait);
}

#[test]
fn a_chart_of_the_config_repo_is_read_however_its_address_is_written() {
    for chart in [
        json!({"path": "charts/web"}),
        json!({"path": "./charts/web/"}),
        json!({"git": "git@github.com:acme/fleet", "path": "charts/web"}),
        json!({"git": "https://github.com/acme/fleet.git", "ref": "main", "path": "charts/web"}),
        json!({"git": "ssh://git@github.com/acme/fleet.git", "ref": "refs/heads/main", "path": "charts/web"}),
    ] {
        let read = read(json!({"chart": chart})).map(|spec| spec.chart.to_string());
        match chart["git"].as_str().is_some_and(|git| git.starts_with("https")) {
            // The protocol is a part of a remote.
            true => drop(read),
            false => assert_eq!(read.unwrap(), "folder charts/web of the config repo", "{chart}"),
        }
    }
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_a_sentence() {
    for (spec, part) in [
        (
            json!({"chart": {"path": "c"}, "helmVersion": "v2"}),
            "Helm 2 and its Tiller are gone",
        ),
        (json!({"chart": {"path": "c"}, "helmVersion": "v9"}), "spec.helmVersion"),
        (json!({"chart": {}}), "spec.chart.path is missing"),
        (json!({}), "spec.chart.path is missing"),
        (json!({"chart": {"path": "../x"}}), "no folder of the config repo"),
        (json!({"chart": {"path": "/"}}), "no folder of the config repo"),
        (json!({"chart": {"path": "c", "repository": "https://x"}}), "exclude"),
        (
            json!({"chart": {"repository": "https://x", "name": "redis", "version": "1"}}),
            "no exact version",
        ),
        (
            json!({"chart": {"repository": "https://x", "name": "redis", "version": "^1.2.3"}}),
            "no exact version",
        ),
        (
            json!({"chart": {"repository": "https://x", "name": "redis"}}),
            "no exact version",
        ),
        (
            json!({"chart": {"repository": "https://x", "name": "--debug", "version": "1.2.3"}}),
            "spec.chart.name",
        ),
        (
            json!({"chart": {"repository": "https://x", "version": "1.2.3"}}),
            "spec.chart.name",
        ),
        (
            json!({"chart": {"repository": "file:///etc", "name": "redis", "version": "1.2.3"}}),
            "is no address",
        ),
        (
            json!({"chart": {"repository": "https://me:pw@x", "name": "redis", "version": "1.2.3"}}),
            "may hold no user",
        ),
        (
            json!({"chart": {"repository": "oci://x/charts", "name": "redis", "version": "1.2.3"},
                "valuesFrom": [{"chartFileRef": {"path": "a.yaml"}}]}),
            "chartFileRef is a file of a chart in the config repo",
        ),
        (
            json!({"chart": {"git": "git@github.com:acme/other", "path": "c"}}),
            "another repository",
        ),
        (
            json!({"chart": {"git": "git@github.com:acme/fleet", "ref": "v1", "path": "c"}}),
            "spec.chart.ref: v1",
        ),
        (
            json!({"chart": {"path": "c"}, "releaseName": "Web"}),
            "set spec.releaseName",
        ),
        (
            json!({"chart": {"path": "c"}, "releaseName": "x".repeat(54)}),
            "up to 53 characters",
        ),
        (
            json!({"chart": {"path": "c"}, "rollback": {"recreate": true}}),
            "spec.rollback.recreate",
        ),
        (
            json!({"chart": {"path": "c"}, "resetValues": true, "reuseValues": true}),
            "exclude each other",
        ),
        (json!({"chart": {"path": "c"}, "valuesFrom": [{}]}), "exactly one of"),
        (
            json!({"chart": {"path": "c"}, "valuesFrom": [{"chartFileRef": {"path": "../../x"}}]}),
            "no file in the folder",
        ),
        (
            json!({"chart": {"path": "c"}, "valuesFrom": [{"externalSourceRef": {"url": "https://x"}}]}),
            "externalSourceRef",
        ),
        (json!({"chart": {"path": "c"}, "timeout": "5m"}), "spec cannot be read"),
    ] {
        let refusal = read(spec.clone()).expect_err(&spec.to_string()).to_string();
        assert!(refusal.contains(part), "{spec}: {refusal}");
    }
}

#[test]
fn values_from_elsewhere_keep_their_order_and_their_defaults() {
    let read = spec(json!({
        "valueFileSecrets": [{"name": "old"}],
        "valuesFrom": [
            {"configMapKeyRef": {"name": "a"}},
            {"secretKeyRef": {"name": "b", "namespace": "ops", "key": "k", "optional": true}},
            {"chartFileRef": {"path": "prod.yaml"}},
        ],
    }));
    let shown: Vec<String> = read.values_from.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "key values.yaml of Secret shop/old",
            "key values.yaml of ConfigMap shop/a",
            "key k of Secret ops/b",
            "file prod.yaml of the chart",
        ]
    );
    let optional: Vec<bool> = read.values_from.iter().map(ValuesSource::is_optional).collect();
    assert_eq!(optional, [false, false, true, false]);
}

fn digest(name: &str) -> InputDigest {
    let chart = ChartDigest::of([("Chart.yaml", &BlobId::from_bytes([1; 20]))]);
    InputDigest::of(&chart, [name.as_bytes()], &json!({}))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

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

#[test]
fn a_label_that_helm_copied_to_another_revision_says_nothing() {
    let labels = |version: &str, revision: u32| {
        let label = InputLabel {
            inputs: digest("new"),
            revision,
        };
        assert!(label.to_string().len() <= 63, "{label}");
        BTreeMap::from([
            ("owner".to_owned(), "helm".to_owned()),
            ("name".to_owned(), "web".to_owned()),
            ("status".to_owned(), "deployed".to_owned()),
            ("version".to_owned(), version.to_owned()),
            ("modifiedAt".to_owned(), "1000".to_owned()),
            (LABEL.to_owned(), label.to_string()),
        ])
    };
    let (name, revision) = Revision::read(&labels("3", 3)).unwrap();
    assert_eq!((name.as_str(), revision.inputs), ("web", Some(digest("new"))));
    assert_eq!(revision.changed, Timestamp::from_second(1000).ok());
    assert_eq!(Revision::read(&labels("4", 3)).unwrap().1.inputs, None);
    assert_eq!(Revision::read(&BTreeMap::new()), None);
}

#[test]
fn the_digest_sees_files_texts_and_values() {
    let one = BlobId::from_bytes([1; 20]);
    let two = BlobId::from_bytes([2; 20]);
    let chart = |path, blob| ChartDigest::of([(path, blob)]);
    let of = |chart: ChartDigest, texts: &[&str], values: Value| {
        InputDigest::of(&chart, texts.iter().map(|text| text.as_bytes()), &values)
    };
    let base = of(chart("a", &one), &["x", "y"], json!({"k": 1, "l": 2}));
    assert_eq!(base, of(chart("a", &one), &["x", "y"], json!({"l": 2, "k": 1})));
    for other in [
        of(chart("b", &one), &["x", "y"], json!({"k": 1, "l": 2})),
        of(chart("a", &two), &["x", "y"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["y", "x"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["xy"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["x", "y"], json!({"k": 1, "l": "2"})),
    ] {
        assert_ne!(base, other);
    }
    assert_eq!(InputDigest::parse(&base.to_string()), Some(base));
}

#[test]
fn a_failure_is_one_line_without_the_values_that_are_secret() {
    let secrets = ["hunter2-the-key".to_owned(), "abc".to_owned()];
    let output = "I0101 noise\nError: UPGRADE FAILED: Secret \"a\" is invalid: data: Invalid value: \"pa\\\"ss\": no good\n\
        and hunter2-the-key, aHVudGVyMi10aGUta2V5\n";
    let text = failure_text(output, &secrets);
    assert_eq!(
        text,
        "UPGRADE FAILED: Secret \"a\" is invalid: data: Invalid value: <hidden>: no good and <hidden>, <hidden>"
    );
    assert_eq!(failure_text(" \n", &[]), "helm gave no reason");
    assert!(failure_text(&"x".repeat(100_000), &[]).len() < 4_000);
}

#[test]
fn a_revision_is_marked_as_failed_and_keeps_everything_else() {
    let plain = json!({"name": "web", "info": {"status": "pending-install", "first_deployed": "x"}, "manifest": "m"});
    let text = BASE64_STANDARD.encode(plain.to_string());
    let packed = mark_failed(text.as_bytes(), "cut off").unwrap();
    // Once more, from the packed form.
    let packed = mark_failed(&packed, "cut off again").unwrap();
    let bytes = BASE64_STANDARD.decode(packed).unwrap();
    let mut json = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut json).unwrap();
    let read: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        read,
        json!({"name": "web", "manifest": "m",
            "info": {"status": "failed", "description": "cut off again", "first_deployed": "x"}})
    );
    for bad in ["%%%", "AAAA", "e30="] {
        assert!(mark_failed(bad.as_bytes(), "").is_err(), "{bad}");
    }
}

#[test]
fn the_status_keeps_what_did_not_change_and_reads_back() {
    let outcome = |phase, message: &str| Outcome {
        generation: Some(3),
        phase,
        message: message.to_owned(),
    };
    let later = now() + jiff::SignedDuration::from_secs(5);
    let first = Status::default().with(&outcome(Phase::Succeeded, "done"), now());
    assert_eq!(
        first,
        first.with(&outcome(Phase::Succeeded, "done"), later),
        "nothing is written twice"
    );
    let failed = first.with(&outcome(Phase::DeployFailed, "why"), later);
    let time = |status: &Status, kind| {
        let condition = status
            .conditions
            .iter()
            .find(|condition| condition.r#type == kind)
            .unwrap();
        (condition.status.clone(), condition.last_transition_time.unwrap())
    };
    assert_eq!(time(&failed, ConditionKind::Deployed), ("False".to_owned(), later));
    assert_eq!(time(&failed, ConditionKind::ChartFetched), ("True".to_owned(), now()));
    let object = json!({"status": serde_json::to_value(&failed).unwrap()});
    assert_eq!(Status::read(&object), failed);
    let of_helm_operator =
        json!({"status": {"phase": "Migrating", "releaseName": "web", "revision": "1.0", "observedGeneration": 2}});
    let read = Status::read(&of_helm_operator);
    assert_eq!(
        (read.release_name.as_str(), read.phase, read.observed_generation),
        ("web", None, Some(2))
    );
}
