use crate::model::ObjectId;
use std::collections::BTreeMap;

/// What a pass of the loop found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseReport {
    /// How many HelmReleases the target has.
    pub releases: usize,
    /// How many of them somebody works on.
    pub busy: usize,
    /// Why HelmReleases are not carried out.
    pub failing: BTreeMap<ObjectId, String>,
    /// Why the loop does nothing, if so.
    pub off: Option<String>,
}
