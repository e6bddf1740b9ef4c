//! The forge of the config repo: pull (or merge) requests from the agent's proposal branch, on GitHub, GitLab, Gitea and
//! compatible forges (Forgejo, Codeberg), and CodeCommit.
//!
//! Each dialect builds its calls as data (`call`), and a [`Wire`] sends them: [`Http`] with the token from a file that is read
//! for each call, or `codecommit` with a signature of AWS. A test compares the calls with the published API descriptions of
//! the forges without sending them.
//!
//! Invariants: every call has a deadline, and every response has a size limit. The token is sent only to the configured
//! address: no redirect is followed. If a forge asks the agent to wait, the agent waits. A forge's own message is shown on
//! one line and cut to a bounded length. Which requests exist is read from the forge each time.
//!
//! Deliberately absent: forks (the proposal branch is in the config repo itself), reviewers, merging.

mod call;
mod codecommit;
mod failure;
mod gitea;
mod github;
mod gitlab;
mod pull;
mod response;
mod scope;
mod wire;

pub use call::{Call, Method};
pub use codecommit::CodeCommit;
pub use failure::plain;
pub use gitea::Gitea;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use scope::RequestScope;
pub use wire::{Http, Wire, WireError};
