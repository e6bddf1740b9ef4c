//! In tests, each plan of a part is compared with the plan of everything.

use super::sync_plan::SyncPlan;

/// Fails if the two plans differ in anything that a pass does or reports.
pub(super) fn assert_same(part: &SyncPlan, full: &SyncPlan) {
    let steps = |plan: &SyncPlan| {
        let steps = plan.applies().map(|step| {
            format!(
                "{} {:?} {:?} {} {} {:?}",
                step.id, step.reason, step.contested, step.hands_replicas_over, step.is_first_contact, step.additions
            )
        });
        steps.collect::<Vec<_>>()
    };
    assert_eq!(steps(part), steps(full));
    let deletions = |plan: &SyncPlan| format!("{:?}", plan.deletions);
    assert_eq!(deletions(part), deletions(full));
    assert_eq!(part.waiting, full.waiting);
    assert_eq!(part.undeclared, full.undeclared);
    assert_eq!(part.is_confirmed, full.is_confirmed);
    assert_eq!(part.nature_changed, full.nature_changed);
    assert_eq!(part.prune_blocked, full.prune_blocked);
    assert_eq!(part.retained, full.retained);
    assert_eq!(part.failed, full.failed);
    assert_eq!(part.drifted, full.drifted);
    assert_eq!(part.contended, full.contended);
    assert_eq!(part.unknown, full.unknown);
    assert_eq!(part.untouched, full.untouched);
    assert_eq!(part.history_broken, full.history_broken);
    assert_eq!(part.next, full.next);
    assert_eq!(part.restless, full.restless);
}
