//! Passes over clusters in memory.

mod adoption;
mod agenda;
mod claims;
mod confirmation;
mod depends_on;
mod fake;
mod field_audit;
mod generations;
mod health;
mod jobs;
mod loops;
mod passes;
mod pruning;
mod recreate;
mod rendered;
mod replicas;
mod restarts;
mod two_targets;
