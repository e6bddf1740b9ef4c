//! Passes over clusters in memory.

mod fake;
mod loops;
mod passes;
mod pruning;
mod two_targets;
