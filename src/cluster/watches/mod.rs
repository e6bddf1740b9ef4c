//! The watches of a target: one for each kind, limited to the members of the set by their label.

mod ending;
mod keeper;
mod reduce;
mod watch;

pub(super) use ending::{Ending, FIRST_LIST, FIRST_RETRY, FORBIDDEN_RETRY, LAST_RETRY};
pub(super) use keeper::Watches;
pub use reduce::{Reduced, reduce_metadata, reduce_object};
