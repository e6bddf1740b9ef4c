//! Passes over clusters in memory.

mod fake;
mod passes;
mod pruning;
mod two_targets;
