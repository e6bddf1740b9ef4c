use super::*;
use crate::driver::{Health, Loop, Outcome, Pass, Shutdown, run};
use crate::model::{FieldId, FieldName, Finding, ImageRef, ObjectId, Position, RepoPath, Severity, TargetId};
use crate::plan::{Decision, Outcome as Decided};
use std::time::Duration;

struct Work;

impl Pass for Work {
    type Report = usize;

    async fn pass(&mut self) -> Outcome<usize> {
        Outcome::Retry(7)
    }

    fn timed_out(&self, _: Duration) -> usize {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_shows_its_last_pass_and_its_own_section() {
    let (this, activator) = Loop::new(
        "sync",
        Duration::from_secs(60),
        Duration::from_secs(5),
        &Health::default(),
    );
    let mut board = StatusBoard::default();
    board.add_loop("sync", activator.status(), |objects, snapshot| {
        snapshot.targets.entry(TargetId::here()).or_default().objects = *objects;
    });
    let before = board.snapshot();
    assert_eq!((before.targets.len(), before.loops["sync"].outcome), (0, None));
    let shutdown = Shutdown::default();
    tokio::spawn(run(this, Work, shutdown.clone(), || 0.0, |_, _, _| {}));
    activator.activate_and_wait(Duration::from_secs(5)).await.unwrap();
    let after = board.snapshot();
    assert_eq!(after.targets[&TargetId::here()].objects, 7);
    assert_eq!(after.loops["sync"].outcome, Some("failed"));
    assert!(after.loops["sync"].passes > 0 && after.loops["sync"].started.is_some());
    shutdown.begin();
}

fn no_yaml() -> Finding {
    Finding {
        path: RepoPath::parse("a.yaml").unwrap(),
        position: Some(Position { line: 2, column: 1 }),
        object: None,
        severity: Severity::Error,
        message: "is no YAML".into(),
    }
}

fn decision() -> Decision {
    Decision {
        field: FieldId {
            object: ObjectId::new("apps/v1", "Deployment", Some("shop"), "web"),
            field: FieldName("main".into()),
        },
        path: RepoPath::parse("web.yaml").unwrap(),
        position: Position { line: 9, column: 9 },
        image: ImageRef::parse("web:a").unwrap(),
        new_name: None,
        policy: None,
        current: None,
        newest: None,
        outcome: Decided::UpToDate,
        reason: "nothing is newer".into(),
        hold: None,
        group: None,
    }
}

#[test]
fn whatever_is_unwell_is_among_the_problems_once() {
    let here = |snapshot: &mut Snapshot, problem: &str| {
        let target = snapshot.targets.entry(TargetId::here()).or_default();
        target.problems.push(problem.to_owned());
    };
    type Change<'a> = &'a dyn Fn(&mut Snapshot);
    let rows: [(&str, Change<'_>, &str); 10] = [
        (
            "a fetch",
            &|all| all.repo.problem = Some("no answer".into()),
            "no answer",
        ),
        (
            "a signature",
            &|all| all.repo.unverified = Some("not signed".into()),
            "not signed",
        ),
        (
            "a push",
            &|all| all.automation.problem = Some("rejected".into()),
            "rejected",
        ),
        (
            "a condition",
            &|all| drop(all.not_ready.insert("sync/here".into(), "no namespace".into())),
            "sync/here: no namespace",
        ),
        (
            "a key",
            &|all| all.key.may_read = Some(false),
            "does not let the agent read",
        ),
        (
            "a right",
            &|all| {
                all.key.may_write = Some(false);
                all.automation.fields.push(decision().into());
            },
            "not write it",
        ),
        ("a file", &|all| all.findings.push(no_yaml()), "a.yaml:2:1: is no YAML"),
        ("an object", &|all| here(all, "web: refused"), "here: web: refused"),
        (
            "a listing",
            &|all| {
                let status = RepositoryStatus {
                    supported: true,
                    problem: Some("denied".into()),
                    ..RepositoryStatus::default()
                };
                all.scan.insert("shop/web".into(), status);
            },
            "denied",
        ),
        (
            "a loop",
            &|all| all.loops.entry("keys".into()).or_default().outcome = Some("failed"),
            "the last pass of keys failed",
        ),
    ];
    for (what, change, expected) in rows {
        let mut snapshot = Snapshot::default();
        change(&mut snapshot);
        snapshot.conclude();
        assert_eq!(snapshot.problems.len(), 1, "{what}: {:?}", snapshot.problems);
        assert!(
            snapshot.problems[0].contains(expected),
            "{what}: {:?}",
            snapshot.problems
        );
    }
}

#[test]
fn an_error_of_a_file_that_a_target_repeats_is_one_problem_and_what_does_not_matter_is_none() {
    let mut snapshot = Snapshot::default();
    snapshot.findings.push(no_yaml());
    let target = snapshot.targets.entry(TargetId::here()).or_default();
    target.problems.push(no_yaml().to_string());
    snapshot.key.may_write = Some(false);
    let unsupported = RepositoryStatus {
        problem: Some("no registry that tidegate scans".into()),
        ..RepositoryStatus::default()
    };
    snapshot.scan.insert("docker.io/library/nginx".into(), unsupported);
    snapshot.conclude();
    assert_eq!(snapshot.problems, ["a.yaml:2:1: is no YAML"]);
}

#[test]
fn a_refused_key_is_why_no_bumps_are_made() {
    let mut snapshot = Snapshot::default();
    snapshot.repo.problem = Some("the server does not accept our key".into());
    snapshot.conclude();
    assert_eq!(snapshot.automation.problem, snapshot.repo.problem);
}

#[test]
fn the_keys_of_the_api_stay_and_each_loop_adds_its_own() {
    let mut board = StatusBoard::default();
    board.add(|snapshot| snapshot.findings.push(no_yaml()));
    board.add(|snapshot| {
        let target = snapshot.targets.entry(TargetId::here()).or_default();
        target.problems.push("web: refused".into());
    });
    let json = serde_json::to_value(board.snapshot()).unwrap();
    for key in [
        "commit", "fields", "findings", "problem", "problems", "repo", "targets", "scan", "key", "loops",
    ] {
        assert!(json.get(key).is_some(), "{key}: {json}");
    }
    assert_eq!(json["findings"][0]["message"], "is no YAML");
    assert_eq!(json["targets"]["here"]["problems"][0], "web: refused");
}
