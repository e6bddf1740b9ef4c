//! The inputs of a decision, except the history of the branch.

use super::history_reader::{FieldHistory, HistoryReader, SharedHistory};
use super::{automated_fields, check_platforms, decide_with_history::decide_with_history, notices};
use crate::model::{CommitId, FieldId, HoldUntil};
use crate::notice::Reporter;
use crate::plan::{self, AutomatedField, BumpPlan};
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, RepoFailure, ScanState};
use std::collections::BTreeMap;

/// The automated fields of one commit, and what is known about their images.
pub(super) struct Inputs<'a> {
    pub(super) fields: &'a [AutomatedField],
    pub(super) scan_state: &'a ScanState,
    pub(super) rules: &'a ScanRules,
    pub(super) until: HoldUntil,
}

impl Inputs<'_> {
    /// Decides on `head`. The second value is true if the plan waits for the platforms of images that nobody has asked
    /// for before.
    pub(super) async fn decide(
        &self,
        repo: &impl ConfigRepo,
        head: CommitId,
        history: &mut HistoryReader,
    ) -> Result<(BumpPlan, bool), RepoFailure> {
        let known_platforms = self.scan_state.platforms();
        let mut tags = automated_fields::tags(self.fields, self.rules, &self.scan_state.scans());
        check_platforms::mark_unfit(&mut tags, self.rules.platforms(), &known_platforms);
        let now = jiff::Timestamp::now();
        let decide = |past: &FieldHistory, since: &BTreeMap<FieldId, jiff::Timestamp>| {
            let observed = plan::Observed {
                tags: &tags,
                holds: &past.holds,
                since,
                included: &|repository| match self.rules.tags(repository) {
                    Ok(tags) => Box::new(move |tag| tags.allows(tag)),
                    Err(reason) => Box::new(move |_| Err(reason.clone())),
                },
                now,
                until: self.until,
            };
            plan::decide(self.fields, &observed)
        };
        let fields = self.fields.iter().map(|field| &field.field);
        let mut plan = decide_with_history(repo, head, history, fields, decide).await?;
        let unread = check_platforms::postpone(&mut plan, &tags, &known_platforms);
        let is_new = self.scan_state.set_images(unread);
        Ok((plan, is_new))
    }
}

/// Requests scans of the repositories whose tags a decision about `declared` needs. True if one of them was not requested
/// before.
pub(crate) fn request_scans(declared: &DeclaredState, scan_state: &ScanState, rules: &ScanRules) -> bool {
    scan_state.set_repositories(automated_fields::repositories(
        &automated_fields::fields(declared),
        rules,
    ))
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
    let fields = automated_fields::fields(declared);
    scan_state.set_repositories(automated_fields::repositories(&fields, rules));
    let inputs = Inputs {
        fields: &fields,
        scan_state,
        rules,
        until,
    };
    let mut history = history.lock().await;
    let (plan, _) = inputs.decide(repo, declared.commit, &mut history).await?;
    notices::history_read(reporter, &history);
    Ok(plan)
}
