//! A deterministic simulation of the loops: the real loops and their real wiring, on fake ports, with paused time.
//!
//! A seed gives a scenario (what people do on the branch, at the registry and in the cluster, and which processes of the agent
//! die or linger) and the faults of the network and the servers: messages are late, lost and doubled, listings lack tags,
//! watches lack events. After each effect a judge compares what happened with models that use none of the agent's code. The
//! same seed gives the same trace. A failure prints the seed and a shrunk list of steps.
//!
//! `make simulate SEEDS=100000` runs many seeds; `SEED=n SEEDS=1` shows one run event by event.
//!
//! Deliberately absent: the edges (git, ECR, Kubernetes), which have tests with real servers; pull requests; deploy keys.

mod api_server;
mod cluster;
mod git_server;
mod judge;
mod link;
mod manifests;
mod mirror;
mod people;
mod random;
mod registry;
mod registry_server;
mod replica;
mod run;
mod scenario;
mod tests;
mod trace;
mod watches;
mod world;
