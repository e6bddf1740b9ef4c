//! Namespaces, the Secrets and ConfigMaps that are mirrored, and their copies.
//!
//! The watches begin when a loop asks for them: an agent without rules for mirrors sends two requests, whether anything in the cluster
//! has its label. Of an object only what `spread::MirrorFacts` reads is kept: no value stays in memory.
//!
//! - `sources`, with `source_store`: the objects that are copied, in the agent's own cluster.
//! - `copies`, with `copy_store`: a cluster of copies.
//! - `objects`: what both ask of an API server, object by object.

mod copies;
mod copy_store;
mod objects;
mod reduce;
mod source_store;
mod sources;
mod watch;

pub use copies::Copies;
pub use sources::Sources;
