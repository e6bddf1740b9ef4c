use super::*;
use crate::driver::{Health, Loop, Outcome, Pass, Shutdown, run};
use crate::model::{Finding, RepoPath, Severity, TargetId};
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

#[test]
fn the_keys_of_the_api_stay_and_each_loop_adds_its_own() {
    let automation = AutomationStatus {
        findings: vec![Finding {
            path: RepoPath::parse("a.yaml").unwrap(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: "is no YAML".into(),
        }],
        ..AutomationStatus::default()
    };
    let mut board = StatusBoard::default();
    board.add(move |snapshot| snapshot.automation.clone_from(&automation));
    board.add(|snapshot| {
        let target = snapshot.targets.entry(TargetId::here()).or_default();
        target.problems.push("web: refused".into());
    });
    let json = serde_json::to_value(board.snapshot()).unwrap();
    for key in [
        "commit", "fields", "findings", "problem", "repo", "targets", "scan", "key", "loops",
    ] {
        assert!(json.get(key).is_some(), "{key}: {json}");
    }
    assert_eq!(json["findings"][0]["message"], "is no YAML");
    assert_eq!(json["targets"]["here"]["problems"][0], "web: refused");
}
