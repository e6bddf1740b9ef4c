//! The webhook of the forge: a signed push wakes the follow loop.

mod push;
mod signature;

pub(super) use push::push;
