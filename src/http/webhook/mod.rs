//! The webhook of the forge: a signed push wakes the follow loop.

mod event;
mod push;
mod signature;

pub use event::pushed_branch;
pub(super) use push::push;
pub use signature::Signature;
