use super::*;
use crate::model::{CommitId, FieldId, FieldName, Finding, ObjectId, RepoPath, Severity, Tag, TargetId};
use crate::port::{ClusterEvent, ClusterFailure, EventWriter, RepoProblem};
use crate::telemetry::Metrics;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A sink that keeps what it gets.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(Phase, Event)>>>);

impl Sink for Seen {
    fn receive(&self, notice: Notice<'_>) {
        self.0.lock().unwrap().push((notice.phase, notice.event.clone()));
    }
}

impl Seen {
    fn phases(&self) -> Vec<Phase> {
        self.0.lock().unwrap().drain(..).map(|(phase, _)| phase).collect()
    }
}

fn reporter() -> (Reporter, Seen) {
    let seen = Seen::default();
    (Reporter::new(vec![Box::new(seen.clone())]), seen)
}

fn fetch_failed(problem: RepoProblem, message: &str) -> RepoEvent {
    RepoEvent::FetchFailed {
        problem,
        message: message.into(),
    }
}

fn finding(message: &str) -> RepoEvent {
    RepoEvent::Finding(Finding {
        path: RepoPath::parse("a.yaml").unwrap(),
        position: None,
        object: None,
        severity: Severity::Warning,
        message: message.into(),
    })
}

fn commit(number: u8) -> CommitId {
    CommitId::from_bytes([number; 20])
}

fn landed() -> AutomationEvent {
    AutomationEvent::CommitLanded {
        commit: commit(1),
        bumps: vec![FieldBump {
            path: RepoPath::parse("web.yaml").unwrap(),
            field: FieldId {
                object: ObjectId::new("apps/v1", "Deployment", Some("shop"), "web"),
                field: FieldName("main".into()),
            },
            new_name: None,
            from: None,
            to: Tag::parse("v2").unwrap(),
        }],
    }
}

#[test]
fn a_condition_is_new_then_still_then_over() {
    let (reporter, seen) = reporter();
    let away = || [fetch_failed(RepoProblem::Unreachable, "no route")];
    assert!(reporter.present(Topic::Fetch, away()));
    assert!(!reporter.present(Topic::Fetch, away()));
    assert!(!reporter.present(Topic::Fetch, Vec::<RepoEvent>::new()));
    assert!(reporter.present(Topic::Fetch, away()));
    assert_eq!(seen.phases(), [Phase::New, Phase::Still, Phase::Over, Phase::New]);
}

#[test]
fn another_message_is_no_news_and_another_problem_is() {
    let (reporter, seen) = reporter();
    for (problem, message) in [
        (RepoProblem::Unreachable, "no route"),
        (RepoProblem::Unreachable, "timed out"),
        (RepoProblem::KeyRefused, "permission denied"),
    ] {
        reporter.present(Topic::Fetch, [fetch_failed(problem, message)]);
    }
    assert_eq!(seen.phases(), [Phase::New, Phase::Still, Phase::Changed]);
}

#[test]
fn each_of_several_conditions_has_its_own_phase() {
    let (reporter, seen) = reporter();
    reporter.present(Topic::Findings, [finding("a"), finding("b"), finding("a")]);
    assert_eq!(seen.phases(), [Phase::New, Phase::New], "the same twice is one");
    reporter.present(Topic::Findings, [finding("b"), finding("c")]);
    let seen = seen.0.lock().unwrap();
    let texts: Vec<_> = seen.iter().map(|(phase, event)| (*phase, event.identity())).collect();
    assert_eq!(
        texts,
        [
            (Phase::Still, "a.yaml: b".to_owned()),
            (Phase::New, "a.yaml: c".to_owned()),
            (Phase::Over, "a.yaml: a".to_owned()),
        ]
    );
}

#[test]
fn conditions_that_are_not_among_the_changes_stay() {
    let (reporter, seen) = reporter();
    let key = |name: &str, state: &str| (TargetId::new(name), SyncEvent::Problem { message: state.into() });
    let topic = || Topic::Problems(TargetId::new("a"));
    reporter.present(topic(), [key("a", "x"), key("a", "y")]);
    assert!(!reporter.present_changes(topic(), [key("a", "y")]));
    assert!(reporter.present_changes(topic(), [key("a", "z")]));
    reporter.present(topic(), [key("a", "x"), key("a", "z")]);
    let phases = [
        Phase::New,
        Phase::New,
        Phase::Still,
        Phase::New,
        Phase::Still,
        Phase::Still,
        Phase::Over,
    ];
    assert_eq!(seen.phases(), phases, "x and z stayed, and y is over at the end");
}

#[test]
fn topics_do_not_end_each_others_conditions() {
    let (reporter, seen) = reporter();
    let problem = |message: &str| {
        let message = message.into();
        (TargetId::here(), SyncEvent::Problem { message })
    };
    reporter.present(Topic::Problems(TargetId::new("a")), [problem("x")]);
    reporter.present(Topic::Problems(TargetId::new("b")), [problem("x")]);
    reporter.present(Topic::Problems(TargetId::new("a")), [problem("x")]);
    assert_eq!(seen.phases(), [Phase::New, Phase::New, Phase::Still]);
}

#[test]
fn an_added_sink_gets_every_event() {
    let (first, second) = (Seen::default(), Seen::default());
    let metrics = Metrics::new();
    let reporter = Reporter::new(vec![
        Box::new(Log),
        Box::new(MetricSink::new(metrics.clone())),
        Box::new(first.clone()),
        Box::new(second.clone()),
    ]);
    reporter.happened(landed());
    let id = ObjectId::new("v1", "ConfigMap", Some("shop"), "old");
    reporter.happened((TargetId::here(), SyncEvent::ObjectPruned { id }));
    reporter.present(
        Topic::Head,
        [RepoEvent::HeadNotVerified {
            message: "unsigned".into(),
            verified: None,
        }],
    );
    reporter.present(
        Topic::Signer,
        [KeyEvent::SignerProblem {
            problem: "not listed".into(),
        }],
    );
    let all = first.0.lock().unwrap().clone();
    assert_eq!(all, *second.0.lock().unwrap());
    assert_eq!(all.len(), 4);
    assert!(matches!(all[0], (Phase::Once, Event::Automation(_))));
    assert!(matches!(all[2], (Phase::New, Event::Repo(_))));
    let text = metrics.render();
    for series in [
        "tidegate_bumps_total 1",
        "tidegate_objects_pruned_total{target=\"here\"} 1",
        "tidegate_repo_tip_withheld 1",
    ] {
        assert!(text.contains(series), "{series}\n{text}");
    }
}

/// Keeps the events that are written to the cluster.
#[derive(Default)]
struct Written(Mutex<Vec<ClusterEvent>>);

impl EventWriter for Written {
    async fn write(&self, event: &ClusterEvent) -> Result<(), ClusterFailure> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

#[tokio::test]
async fn kubernetes_events_are_written_for_news_until_every_reporter_is_gone() {
    let (sink, queue) = ClusterEvents::new();
    let reporter = Reporter::new(vec![Box::new(sink)]);
    let applied = |number: u8, problems: Option<Vec<String>>| {
        let event = SyncEvent::CommitApplied {
            commit: commit(number),
            objects: 3,
            changed: 1,
            pruned: 0,
            requests: 4,
            problems,
        };
        (TargetId::here(), event)
    };
    let topic = || Topic::Commit(TargetId::here());
    reporter.present(topic(), [applied(0, None)]);
    reporter.happened(landed());
    reporter.present(topic(), [applied(1, None)]);
    reporter.present(topic(), [applied(1, None)]);
    reporter.present(topic(), [applied(1, Some(vec!["web: refused".into()]))]);
    reporter.present(topic(), [applied(1, None)]);
    reporter.present(topic(), [applied(2, None)]);
    drop(reporter);
    let written = Written::default();
    queue.write_all(&written, std::future::pending()).await;
    let written = written.0.lock().unwrap();
    let reasons: Vec<_> = written.iter().map(|event| (event.warning, event.reason)).collect();
    assert_eq!(
        reasons,
        [
            (false, "Applied"),
            (false, "Bumped"),
            (true, "AppliedInPart"),
            (false, "Applied"),
            (false, "Applied")
        ],
        "a bump has one event, unless it is applied in part"
    );
    let texts: Vec<_> = written.iter().map(|event| &*event.message).collect();
    assert_eq!(
        texts[1],
        format!("commit {}: Deployment shop/web main to v2", commit(1))
    );
    assert_eq!(
        texts[2],
        format!(
            "commit {}: 3 objects, 1 changed, 0 pruned, 1 problems: web: refused",
            commit(1)
        )
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_drain_a_last_event_is_written_and_the_queue_ends() {
    let (sink, queue) = ClusterEvents::new();
    let reporter = Reporter::new(vec![Box::new(sink)]);
    let written = Written::default();
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        reporter.happened(landed());
    };
    let (_, ()) = tokio::join!(queue.write_all(&written, std::future::ready(())), late);
    assert_eq!(written.0.lock().unwrap().len(), 1);
}

/// The rooms of the loops. A loop that writes a line of its own is heard by the log alone.
const LOOPS: [&str; 6] = ["automation", "deploy_key", "holds", "scan", "source", "sync"];

#[test]
fn loops_report_and_do_not_log() {
    let mut rooms: Vec<PathBuf> = LOOPS
        .map(|room| Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room))
        .into();
    while let Some(room) = rooms.pop() {
        for entry in std::fs::read_dir(&room).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rooms.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for level in ["info!", "warn!", "error!"] {
                assert!(
                    !text.contains(&format!("tracing::{level}")),
                    "{}: {level}",
                    path.display()
                );
            }
        }
    }
}
