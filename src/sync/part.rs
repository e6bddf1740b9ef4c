use crate::model::ObjectId;
use crate::resource::Object;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The part of everything that a plan looks at.
#[derive(Debug)]
pub(super) struct Part {
    /// The declared objects that may not be at rest, in their order.
    pub(super) objects: Vec<Arc<Object>>,
    /// How many declared objects are at rest.
    pub(super) at_rest: usize,
    /// The observed objects that are not declared.
    pub(super) strays: BTreeSet<ObjectId>,
    /// The objects that were declared and are not any more.
    pub(super) gone: Vec<ObjectId>,
}
