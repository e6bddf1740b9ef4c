//! The real parts that Tidegate is tested on, each started on loopback by whoever needs it: tests, demo and benches.
//!
//! What every part promises:
//!
//! - it listens on a free port of 127.0.0.1 and is ready when its handle is returned;
//! - it logs to a file, whose tail is printed when the test that holds the handle panics;
//! - it is gone when its handle is dropped, and also when the owner is killed ([`process`] says how);
//! - it asks nothing of the machine but the programs that [`tools`] finds or builds.
//!
//! Rooms, from the ground up: [`process`], [`port`], [`random`], [`tools`]; on them [`control_plane`] (Kubernetes), [`git`] (sshd
//! with bare repositories), [`gitea`] (a forge) and [`registry`]; [`ecr`], [`aws`], [`forge`] and [`relay`] run inside the test's process, the
//! relay between any two. [`agent`] runs the built program on them. [`history`] reads what became of a repository, and judges it.
//! [`chaos`] lets everybody loose on all of them at once.
//!
//! Deliberately absent: anything of Tidegate's code. The stack knows the agent as a user does, by its command line.

pub mod agent;
pub mod aws;
pub mod chaos;
pub mod control_plane;
pub mod demo;
pub mod ecr;
pub mod forge;
pub mod git;
pub mod gitea;
pub mod history;
mod http_thread;
pub mod mail;
pub mod port;
pub mod process;
pub mod random;
pub mod receiver;
pub mod registry;
pub mod relay;
pub mod tools;

pub use agent::Agent;
pub use control_plane::ControlPlane;
pub use git::GitServer;
pub use gitea::Gitea;
pub use process::Process;
pub use random::{Random, commit_seed};
pub use registry::Registry;
pub use relay::Relay;
pub use tools::Tools;
