//! Tidegate keeps a Kubernetes cluster equal to a git repository, and the repository up to date with the newest images.
//!
//! The house has floors, and imports point down. On each floor a room has one door, its `mod.rs`, whose header says what
//! the room is for and what it must not know.
//!
//! | floor | rooms |
//! | --- | --- |
//! | 7 | [`cli`]: the command line |
//! | 6 | [`agent`]: the composition root |
//! | 5 | [`config`]: `tidegate.yaml` |
//! | 4 | loops: `source` (the branch's head and what it declares), `scan` (the registries' tags), [`automation`] (bumps), [`sync`] (the cluster), `holds` (list, lift) |
//! | 4 | edges: [`git`], [`forge`], [`registry`], [`cluster`], `http` |
//! | 3 | [`port`] (what loops see of the edges and of each other), `driver` (the loop engine), `notice` (what the agent reports), `status` (what the agent knows about itself), [`aws`], `program` (child processes), [`telemetry`] |
//! | 2 | [`plan`]: what will be bumped, and the commit that says so |
//! | 1 | [`policy`], [`manifest`], [`resource`], [`history`] |
//! | 0 | [`model`]: the words |
//!
//! Floors 0 to 2 are pure: no clock, no disk, no network.
//!
//! A reader with one hour: `driver` for how anything runs, [`automation`] from tag to commit, [`history`] for why a
//! rollback holds, [`sync`] from commit to cluster, [`resource`] for the ownership fingerprint.

pub mod agent;
pub mod automation;
pub mod aws;
pub mod cli;
pub mod cluster;
pub mod config;
pub(crate) mod deploy_key;
pub(crate) mod driver;
pub mod forge;
pub mod git;
pub mod history;
pub(crate) mod holds;
pub(crate) mod http;
pub mod manifest;
pub mod model;
pub(crate) mod notice;
pub mod plan;
pub mod policy;
pub mod port;
pub(crate) mod program;
pub mod registry;
pub mod resource;
pub(crate) mod scan;
pub(crate) mod source;
pub(crate) mod status;
pub mod sync;
pub mod telemetry;
