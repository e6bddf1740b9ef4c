//! What a watch delivers.

#[path = "../../src/cluster/ownership.rs"]
mod ownership;
#[path = "cluster_watches.rs"]
mod watches;

pub use watches::{Reduced, reduce_metadata, reduce_object};
