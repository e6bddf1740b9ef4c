use super::pass::{Syncer, UNKNOWN_KINDS, versions};
use super::plan::{Consent, SyncPlan};
use super::report::SyncReport;
use crate::port::{Cluster, ClusterFailure, Kinds, Record, TargetState};
use crate::resource::GroupKind;
use std::collections::BTreeSet;
use tokio::time::Instant;

impl<C: Cluster> Syncer<C> {
    pub(super) fn tell(&self, plan: SyncPlan, report: &mut SyncReport) {
        let now = Instant::now();
        for failed in plan.failed {
            if !report
                .failed
                .iter()
                .any(|known| known.id == failed.id && known.path == failed.path)
            {
                report.failed.push(failed);
            }
        }
        report.failed.sort_by(|a, b| (&a.path, &a.id).cmp(&(&b.path, &b.id)));
        report.pruned.sort();
        report.untouched = plan.untouched;
        report.waiting = plan.waiting;
        report.prune_blocked = plan.prune_blocked;
        report.kept = plan.kept;
        report.drifted = plan.drifted;
        report.contested = plan.contested;
        if let Some(at) = plan.next {
            report.wait_at_most(at.saturating_duration_since(now));
        }
        for failed in &report.failed.clone() {
            let entry = self.ledger.entry(&failed.id);
            if let Some(failure) = entry.and_then(|entry| entry.failure.as_ref()) {
                report.wait_at_most(failure.next.saturating_duration_since(now));
            }
        }
        if !plan.unknown.is_empty() || report.prune_blocked.is_some() {
            report.wait_at_most(UNKNOWN_KINDS);
        }
        self.cluster.observed().read(|observed| {
            for id in &plan.declared {
                if let Some(live) = observed.object(id).filter(|live| !live.health.is_settled()) {
                    report.unready.push((id.clone(), live.health.clone()));
                }
            }
            for (kind, view) in &observed.kinds {
                match &view.failing {
                    Some(reason) if view.away => report.outage = Some(reason.clone()),
                    Some(reason) => report.unwatched.push((kind.clone(), reason.clone())),
                    None => {}
                }
            }
        });
    }

    /// Writes the record if it says something new.
    pub(super) async fn finish(
        &mut self,
        declared: &TargetState,
        kinds: &Kinds,
        consent: Consent,
        report: &SyncReport,
    ) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        let mut held: BTreeSet<GroupKind> = versions(declared).into_iter().map(|version| version.kind).collect();
        let may_shrink = report.is_in_sync() && kinds.unanswered.is_empty();
        let record = self.record().await?;
        cluster.observed().read(|observed| {
            let still_held = |kind: &&GroupKind| {
                let view = observed.kinds.get(*kind);
                !may_shrink
                    || view.is_some_and(|view| !view.synced || !view.objects.is_empty())
                    || (view.is_none() && kinds.preferred.contains_key(*kind))
            };
            held.extend(record.kinds.iter().filter(still_held).cloned());
            held.retain(|kind| kinds.preferred.contains_key(kind) || record.kinds.contains(kind));
        });
        let next = Record {
            // While deletions wait, the commit before is still the one whose state stands. Deletions that a broken history
            // brings and a bad file holds up would otherwise go unasked when the file is mended.
            commit: match (&report.waiting, &report.prune_blocked) {
                (Some(_), _) => record.commit,
                (None, Some(_)) if consent.history_broken => record.commit,
                _ => Some(declared.commit),
            },
            kinds: held,
            status: match report.problems().len() {
                0 => format!("in sync: {} objects", report.declared),
                count => format!("{} objects, {count} problems", report.declared),
            },
            problems: report.problems().into_iter().take(200).collect(),
        };
        if *record != next {
            cluster.write_record(&next).await?;
            *record = next;
        }
        Ok(())
    }
}
