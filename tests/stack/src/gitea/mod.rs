//! A real forge: Gitea with SQLite and its own SSH server, on loopback.
//!
//! [`Gitea`] is the server with one user, who owns everything and whose token opens its API. [`Project`] is a repository
//! on it: deploy keys, protection, webhooks, pull requests; what stands in it is read by the real git program.

mod project;
mod server;

pub use project::{How, Project, Pull};
pub use server::Gitea;
