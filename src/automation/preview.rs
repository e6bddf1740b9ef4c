//! Decisions of which nothing is written.

use super::decision_cache::DecisionCache;
use super::history_reader::SharedHistory;
use super::inputs::Inputs;
use super::{automated_fields, notices};
use crate::model::HoldUntil;
use crate::notice::Reporter;
use crate::plan::BumpPlan;
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, RepoFailure, ScanState};
use std::sync::Arc;

/// Requests scans of the repositories whose tags a decision about `declared` needs. True if one of them was not requested
/// before.
pub(crate) fn request_scans(declared: &DeclaredState, scan_state: &ScanState, rules: &ScanRules) -> bool {
    let fields = automated_fields::fields(declared);
    scan_state.set_repositories(Arc::new(automated_fields::repositories(&fields, rules)))
}

/// Decides without writing anything, for `tidegate plan`.
///
/// # Errors
/// The config repo could not be read.
pub async fn preview(
    repo: &impl ConfigRepo,
    declared: &DeclaredState,
    scan_state: &ScanState,
    rules: &ScanRules,
    until: HoldUntil,
    history: &SharedHistory,
    reporter: &Reporter,
) -> Result<BumpPlan, RepoFailure> {
    let mut cache = DecisionCache::default();
    cache.set_fields(automated_fields::fields(declared), rules);
    scan_state.set_repositories(Arc::clone(cache.repositories()));
    let inputs = Inputs {
        scan_state,
        rules,
        until,
    };
    let mut history = history.lock().await;
    let (plan, _) = cache.decide(&inputs, repo, declared.commit, &mut history).await?;
    notices::history_read(reporter, &history);
    Ok(plan)
}
