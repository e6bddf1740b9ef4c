//! Two targets side by side: what happens to one does not touch the other.

use super::fake::{Fake, applies, commit, maps, pass};
use crate::driver::Health;
use crate::model::{CommitId, TargetId};
use crate::notice::{MetricSink, Reporter};
use crate::port::TargetState;
use crate::sync::reporter::PassReporter;
use crate::telemetry::Metrics;

fn of(target: &str, mut state: TargetState) -> TargetState {
    state.target = TargetId::new(target);
    state
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_state_blocks_pruning_in_its_own_target_alone() {
    let (a, b) = (Fake::named("a"), Fake::named("b"));
    let (mut sync_a, mut sync_b) = (a.syncer(), b.syncer());
    let names = ["one", "two", "three", "four", "five"];
    for (fake, syncer) in [(&a, &mut sync_a), (&b, &mut sync_b)] {
        pass(syncer, &commit(1, &maps(&names))).await;
        fake.deliver();
    }
    let mut broken = of("a", commit(2, &maps(&names[..4])));
    broken.complete = false;
    let whole = of("b", commit(2, &maps(&names[..4])));
    let (in_a, in_b) = (pass(&mut sync_a, &broken).await, pass(&mut sync_b, &whole).await);
    assert!(in_a.pruned.is_empty() && in_a.prune_blocked.is_some(), "{in_a:?}");
    assert_eq!(in_b.pruned.len(), 1, "{in_b:?}");
    assert_eq!((in_a.target, in_b.target), (TargetId::new("a"), TargetId::new("b")));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_one_target_leaves_the_other_at_work_with_its_own_record_and_metrics() {
    let (a, b) = (Fake::named("a"), Fake::named("b"));
    let (mut sync_a, mut sync_b) = (a.syncer(), b.syncer());
    let metrics = Metrics::new();
    let reporter = Reporter::new(vec![Box::new(MetricSink::new(metrics.clone()))]);
    let health = Health::default();
    let report_of = |name: &str| {
        let condition = health.condition(format!("sync/{name}"), "no pass has ended yet");
        PassReporter::new(TargetId::new(name), condition, reporter.clone(), metrics.clone())
    };
    let (mut reports_a, mut reports_b) = (report_of("a"), report_of("b"));
    reports_a.ran(&pass(&mut sync_a, &commit(1, &maps(&["one"]))).await);
    reports_b.ran(&pass(&mut sync_b, &commit(1, &maps(&["one", "two"]))).await);

    a.world().answers_left = Some(0);
    b.take_calls();
    let next = commit(2, &maps(&["one", "two", "three"]));
    let (in_a, in_b) = (pass(&mut sync_a, &next).await, pass(&mut sync_b, &next).await);
    assert_eq!(in_a.outage.as_deref(), Some("away"));
    assert!(in_b.is_in_sync(), "{in_b:?}");
    assert_eq!(applies(&b.take_calls()), ["three"]);
    assert!(health.not_ready().is_empty(), "both have had a pass");
    reports_a.ran(&in_a);
    reports_b.ran(&in_b);
    assert_eq!(health.not_ready(), [("sync/a".into(), "away".into())].into());

    let at = |number| Some(CommitId::from_bytes([number; 20]));
    assert_eq!(sync_a.last_applied().await.unwrap(), at(1));
    assert_eq!(sync_b.last_applied().await.unwrap(), at(2));
    let text = metrics.render();
    for series in [
        r#"tidegate_objects{target="a",state="applied"} 3"#.to_owned(),
        r#"tidegate_objects{target="b",state="applied"} 3"#.to_owned(),
        r#"tidegate_apply_requests_total{target="a",outcome="ok"} 1"#.to_owned(),
        r#"tidegate_apply_requests_total{target="b",outcome="ok"} 3"#.to_owned(),
        format!(
            r#"tidegate_sync_last_applied_info{{target="a",commit="{}"}} 1"#,
            at(1).unwrap()
        ),
        format!(
            r#"tidegate_sync_last_applied_info{{target="b",commit="{}"}} 1"#,
            at(2).unwrap()
        ),
    ] {
        assert!(text.contains(&series), "{series}\n{text}");
    }
}
