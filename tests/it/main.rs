//! All integration tests, in one binary, on real parts.

mod cluster;
mod sync;
//! Rooms on real parts.

mod git;
