use crate::model::ObjectId;
use std::time::Duration;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is to be done until something changes.
    Rest,
    /// The watches show soon what the job has read; look at the release again then, or after this time.
    Again(Duration),
    /// The next thing is due after this time, and nothing before.
    Later(Duration),
    /// The cluster or the config repo could not be read or written.
    Failed(String),
}

/// The end of one job.
pub(super) type Ended = (ObjectId, End);
