//! The forge of the config repo: pull (or merge) requests from the agent's proposal branch, on GitHub, GitLab, Gitea and
//! compatible forges (Forgejo, Codeberg), and CodeCommit.
//!
//! Each dialect builds its calls as data (`call`). `wire` sends them with the token from a file that is read for each call;
//! `codecommit` sends them with a signature of AWS. The tests compare each call with the API description that the forge
//! publishes.
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
mod settings;
mod wire;

pub use codecommit::CodeCommit;
pub use gitea::Gitea;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use scope::RequestScope;
pub use settings::{ForgeKind, PullRequestSettings};
pub use wire::ClientError;
