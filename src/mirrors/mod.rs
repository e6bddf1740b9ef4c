//! The loop that keeps mirrors: copies of Secrets and ConfigMaps in the namespaces and clusters that the rules name.
//!
//! Each cluster of copies has a loop of its own, so that one that is away disturbs no other. A pass compares rules, namespaces, sources and
//! copies (`spread::mirror_plan`), writes what differs, and goes. A source is read once in a pass, however many copies it has, and each copy takes
//! one write. So a start on copies that are as they have to be writes nothing, and an agent that was killed goes on where the other one stood.
//!
//! - `claims` recognises clusters: the agent's own one under another address, and one that two targets name.
//! - `sources` reads sources: what is copied, and whether one that no watch shows is gone.
//! - `write` carries out one action, with compare-and-swap. What the agent did not make is never written, except a copy of kubed's on request.
//!
//! Deliberately absent: Kubernetes, which is a port, and every value outside of `sources` and `write`.

mod claims;
mod mirror_loop;
mod parts;
mod report;
mod sources;
mod write;

pub use claims::Claims;
pub use mirror_loop::MirrorLoop;
pub use parts::Parts;
pub use report::MirrorReport;
