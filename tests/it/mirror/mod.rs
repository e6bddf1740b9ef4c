//! The mirror, and commits made in it: odd trees, chains of commits, damage, bounds, neighbours; on a real sshd.

mod chain;
mod odd_trees;
