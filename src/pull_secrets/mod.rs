//! The loop that keeps pull secrets: the logins of ECR, fresh, in the namespaces that the rules name.
//!
//! A pass compares rules, namespaces and Secrets (`spread::plan`), writes what differs, and goes. What a Secret has to hold is decided from
//! the Secret alone: its mark says which logins are the agent's and until when they are good. So a start on Secrets that are as they
//! have to be writes nothing, and an agent that was killed goes on where the other one stood.
//!
//! - `tokens` has one login for each identity and region. Requests run beside the passes: a slow or absent AWS delays nobody, and the last
//!   good login stays in use until it expires.
//! - `write` carries out one action: read, change, compare-and-swap. A Secret is changed in place and keeps its UID.
//! - `accounts` completes `imagePullSecrets` of ServiceAccounts.
//!
//! A Secret that somebody changes back again and again is left to rest (`spread::Rests`).
//!
//! Deliberately absent: AWS and Kubernetes, which are ports, and every password outside of `tokens` and `write`.

mod accounts;
mod parts;
mod pull_loop;
mod report;
#[cfg(test)]
mod tests;
mod tokens;
mod write;

pub use parts::Parts;
pub use pull_loop::PullSecretLoop;
pub use report::PullSecretReport;
