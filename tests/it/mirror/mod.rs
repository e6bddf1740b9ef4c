//! The mirror, and commits made in it: odd trees, chains of commits, damage, bounds, neighbours; on a real sshd.

mod bounds;
mod chain;
mod damage;
mod limits;
mod neighbours;
mod odd_trees;
