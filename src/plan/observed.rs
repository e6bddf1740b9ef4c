use super::bump_plan::{Decision, PlannedBump};
use crate::history::Hold;
use crate::model::{FieldId, HoldUntil, Repository, Tag};
use crate::policy::Candidate;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tags of a repository, or why they are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// All tags, from one complete listing.
    Listed(Vec<Candidate>),
    /// The tags are unknown, for this reason: the repository was not read yet, cannot be read, or is excluded.
    Unknown(String),
}

/// Whether the include and exclude globs let a tag of one repository in; the reason if not.
pub type Included<'a> = Box<dyn Fn(&Tag) -> Result<(), String> + 'a>;

/// What a pass has read: the input of [`decide`](super::decide()).
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// The tags of each repository.
    pub tags: &'a BTreeMap<Repository, Tags>,
    /// The hold of each held field.
    pub holds: &'a BTreeMap<FieldId, Hold>,
    /// When each field was last written, where known ([`HoldIndex::written`](crate::history::HoldIndex::written)).
    pub since: &'a BTreeMap<FieldId, Timestamp>,
    /// Which tags of a repository the include and exclude globs let in.
    pub included: &'a dyn Fn(&Repository) -> Included<'a>,
    /// The time of the pass.
    pub now: Timestamp,
    /// What ends a hold where the workload does not say it.
    pub until: HoldUntil,
}

/// What is decided about one field.
#[derive(Debug, Clone)]
pub struct DecidedField {
    /// The decision.
    pub decision: Arc<Decision>,
    /// The bump, if the field moves.
    pub bump: Option<PlannedBump>,
    /// Whether the decision rests on the time at which the field was written ([`Observed::since`]).
    pub rests_on_since: bool,
}
