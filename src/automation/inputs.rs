use crate::model::HoldUntil;
use crate::policy::ScanRules;
use crate::port::{ObjectHealths, ScanState};

/// The inputs of a decision, except the fields and the history of the branch.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    /// What the scans found.
    pub(super) scan_state: &'a ScanState,
    /// The repositories and tags that may be used.
    pub(super) rules: &'a ScanRules,
    /// How the workloads are that the sync loops apply.
    pub(super) healths: &'a ObjectHealths,
    /// What ends a hold where the workload does not say it.
    pub(super) until: HoldUntil,
}
