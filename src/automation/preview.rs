//! Decisions of which nothing is written.

use super::decision_cache::DecisionCache;
use super::history_reader::SharedHistory;
use super::inputs::Inputs;
use super::notices;
use crate::model::{CommitId, FieldId, HoldUntil, RepoPath};
use crate::notice::Reporter;
use crate::plan::{BumpPlan, JudgedTag};
use crate::policy::ScanRules;
use crate::port::{ConfigRepo, DeclaredState, ObjectHealths, RepoFailure, ScanState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decides about a commit without writing anything, for `tidegate plan`. What was decided once is decided again only where more
/// has become known since.
pub struct DecisionPreview<'a> {
    cache: DecisionCache,
    inputs: Inputs<'a>,
    commit: CommitId,
}

impl<'a> DecisionPreview<'a> {
    /// Takes the automated fields of a commit, and requests scans of the repositories whose tags the decisions need.
    pub fn new(
        declared: &DeclaredState,
        scan_state: &'a ScanState,
        rules: &'a ScanRules,
        healths: &'a ObjectHealths,
        until: HoldUntil,
    ) -> Self {
        let mut cache = DecisionCache::default();
        cache.set_fields_of(declared, rules);
        scan_state.set_repositories(Arc::clone(cache.repositories()));
        let inputs = Inputs {
            scan_state,
            rules,
            healths,
            until,
        };
        Self {
            cache,
            inputs,
            commit: declared.commit,
        }
    }

    /// Decides by what is known now.
    ///
    /// # Errors
    /// The config repo could not be read.
    pub async fn decide(
        &mut self,
        repo: &impl ConfigRepo,
        history: &SharedHistory,
        reporter: &Reporter,
    ) -> Result<BumpPlan, RepoFailure> {
        let mut history = history.lock().await;
        let (plan, _) = self.cache.decide(&self.inputs, repo, self.commit, &mut history).await?;
        notices::history_read(reporter, &history);
        Ok(plan)
    }

    /// What is said about every tag of some fields. [`decide`](Self::decide) comes first.
    ///
    /// # Errors
    /// The config repo could not be read.
    pub async fn judged_tags(
        &self,
        repo: &impl ConfigRepo,
        history: &SharedHistory,
        is_meant: impl Fn(&FieldId) -> bool,
    ) -> Result<BTreeMap<(RepoPath, FieldId), Vec<JudgedTag>>, RepoFailure> {
        let mut history = history.lock().await;
        let (cache, inputs) = (&self.cache, &self.inputs);
        cache
            .judged_tags(inputs, repo, self.commit, &mut history, is_meant)
            .await
    }
}
