//! Git over SSH and HTTP: OpenSSH's own sshd in front of real bare repositories.
//!
//! [`WebServer`] serves the same repositories over HTTP and HTTPS, by git's own `git http-backend`.
//!
//! [`GitServer`] is the host: its keys, who may come in, and with which rights. [`Repo`] is a bare repository on it: hooks,
//! history, tip. [`WorkCopy`] is another person at work with the real git program; [`BareCopy`] is one who works
//! fast, and on repositories of many files.
//!
//! Every key is bound to a command of ours in `authorized_keys`, which lets `git-upload-pack` and `git-receive-pack`
//! through (`git shell` reads the arguments), and refuses the second to a read-only key in the words of a hosted forge.
//!
//! Every git process runs without the system's and the user's configuration, and with fixed names and addresses.
//!
//! The SSH user is the one that runs the tests: sshd can let nobody else in unless it runs as root.

mod bare_copy;
mod cgi;
mod identity;
mod program;
mod repo;
mod server;
mod web;
mod work_copy;

pub use bare_copy::BareCopy;
pub use identity::SshKey;
pub use repo::{Commit, Repo};
pub(crate) use server::current_user;
pub use server::{Access, GitServer};
pub use web::{Seen, WebServer};
pub use work_copy::WorkCopy;
