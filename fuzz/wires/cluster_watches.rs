#[path = "../../src/cluster/watches/reduce.rs"]
mod reduce;

pub use reduce::{Reduced, reduce_metadata, reduce_object};
