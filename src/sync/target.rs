use crate::model::TargetId;
use crate::resource::Protected;
use std::sync::Arc;

/// A cluster that some paths of the config repo are applied to.
///
/// `A` is a [`TargetApi`](crate::port::TargetApi) and `R` a [`RecordStore`](crate::port::RecordStore). They may belong to
/// two clusters: a target's record need not be kept in the target.
pub struct Target<A, R> {
    /// Its name in metrics, logs and status.
    pub id: TargetId,
    /// The API server that objects are applied to.
    pub api: Arc<A>,
    /// Where the record of the set is kept.
    pub record: Arc<R>,
    /// What is never pruned.
    pub protected: Protected,
}
