//! Namespaces, the Secrets that hold logins of the agent, and the ServiceAccounts that name them.
//!
//! The watches begin when the loop asks for them: an agent without rules for pull secrets sends one request, whether anything in the
//! cluster has its label. Of a Secret only what `spread::PullSecretFacts` reads is kept: no password stays in memory.

mod api;
mod reduce;
mod store;
mod watch;

pub use api::PullSecrets;
