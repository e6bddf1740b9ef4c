//! The watches of a target: one for each kind, limited to the members of the set by their label. `following` follows any list, and
//! `listed` keeps what is delivered, for the loops that have lists of their own.

mod ending;
mod following;
mod keeper;
mod listed;
mod namespaces;
mod reduce;
mod watch;

pub(super) use following::{News, follow};
pub(super) use keeper::Watches;
pub(super) use listed::Listed;
pub(super) use namespaces::namespace_facts;
pub use reduce::{Reduced, reduce_metadata, reduce_object};
