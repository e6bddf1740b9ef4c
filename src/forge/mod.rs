//! The config repo's forge: pull (or merge) requests from our side branch, on GitHub, GitLab, Gitea and what speaks like
//! it (Forgejo, Codeberg), and CodeCommit.
//!
//! Each dialect builds its calls as data (`call`), and a wire sends them: `Http` with the token of a file that
//! is read anew for each call, or AWS's signature. So what is asked can be held against the forges' published
//! descriptions without asking anybody.
//!
//! What holds: every call has a deadline and its answer a bound; the token goes to the configured address and to no
//! other (no redirect is followed); a forge that asks for time gets it; what a forge says is shown in its own words, made
//! plain and short. Nothing is remembered between calls: which requests there are, the forge tells.
//!
//! Deliberately absent: forks (the side branch is in the config repo itself), reviewers, merging.

mod call;
mod codecommit;
mod failure;
mod gitea;
mod github;
mod gitlab;
mod wire;

pub use call::{Call, Method};
pub use codecommit::CodeCommit;
pub use failure::plain;
pub use gitea::Gitea;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use wire::{Http, Wire, WireError};

use crate::model::BranchName;
use crate::port::ChangeRequest;

/// What all requests have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestScope {
    /// The repository as the forge names it: `acme/fleet`; CodeCommit: `fleet`.
    pub project: String,
    /// The side branch.
    pub from: BranchName,
    /// The followed branch.
    pub into: BranchName,
    /// What requests are labelled with.
    pub labels: Vec<String>,
}

impl RequestScope {
    /// Our labels that a request does not carry.
    fn missing(&self, request: &ChangeRequest) -> Vec<&String> {
        self.labels
            .iter()
            .filter(|label| !request.labels.contains(label))
            .collect()
    }
}
