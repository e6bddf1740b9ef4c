//! What people see on the HelmRelease.

use super::super::*;
use super::now;
use serde_json::json;

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
