//! The config repo as git has it: mirror, transports, history, commit, push, deploy key. The only room that knows git2 and
//! russh.
//!
//! [`Repo`] implements [`ConfigRepo`](crate::port::ConfigRepo). A call goes to one of two threads, which own a handle of the
//! bare mirror each. libgit2 keeps the objects and fetches, over a transport of ours. This room speaks the push
//! half of the protocol itself, so that a push goes out in one piece. Both halves use one SSH connection. The connection stays
//! open between calls, with a channel and a push on standby, and is replaced when it is dead.
//!
//! Imports go from `repo` to `mirror`, `objects`, `protocol`, `transport` and `trust`, in this order. `keys`, `url` and
//! `settings` serve all of them; `local` uses `objects` alone.
//!
//! What holds:
//! - Every wait has a deadline: TCP, login, each silence, each operation as a whole. A stop ends every wait within a second.
//! - The agent talks only to hosts whose key is in known_hosts, and never adds a key by itself. A login goes only to the
//!   address's own host.
//! - A push is compare-and-swap: the branch moves only from the commit's parent, never by force. A proposal branch of ours is
//!   replaced only if it still points to the commit that was seen last. A rejection is a lost race only if the branch has really moved.
//!   If the answer of the server is lost, the remote's branch decides.
//! - A commit is read back before it is pushed: its trees are the parent's bit by bit, except for the planned files, which
//!   have exactly the planned bytes.
//! - The mirror is a cache: if it is damaged, locked, full, littered or gone, it is fetched again. One process at a time
//!   owns it.
//! - A job of a thread has a deadline, and ends when its caller has gone. A thread without progress, or with a panic, is reported.
//! - What is fetched and read is bounded in time, bytes and files. History may be fetched in part and is deepened on demand.
//! - A server's message is shown in its own words, made plain and short.
//!
//! [`Local`] reads a branch of a clone on this machine, without a server and without writing. [`UserClone`] writes the branch
//! as the person who runs the program would.
//!
//! Deliberately absent: a work tree, filters, hooks, submodules and LFS (carried along untouched), the machine's git
//! configuration, ssh-agent and `~/.ssh`, passwords over SSH, dumb HTTP, other schemes.

mod budget;
mod codecommit;
mod error;
mod key_ports;
mod keys;
mod libgit2_error;
mod limits;
mod local;
mod lock;
mod mirror;
mod objects;
mod probe;
mod protocol;
pub mod readers;
mod repo;
mod settings;
#[cfg(test)]
mod tests;
mod transport;
mod trust;
mod url;
mod worker;

pub(crate) use key_ports::Server;
pub use keys::{DeployKey, KeyError, KeyKind, KeyPage};
pub use limits::Limits;
pub use local::{Local, LocalError, UserClone, user_author, without_password};
pub use objects::{Signing, Trust};
pub use probe::{ProbeResult, probe};
pub use repo::{Counters, Repo};
pub use settings::Settings;
pub use transport::{CredentialsError, HttpAccess};
pub use trust::{AllowedSigners, HostKeys, InvalidAllowedSigners, InvalidKnownHosts, KnownHosts, Signers};
pub use url::{InvalidUrl, RepoUrl, Scheme};
