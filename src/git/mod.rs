//! The config repo as git has it: mirror, transports, history, commit, push, deploy key. Alone knows git2 and russh.
//!
//! [`Repo`] implements [`ConfigRepo`](crate::port::ConfigRepo). A call goes to one of two threads that own a handle of
//! the bare mirror each. libgit2 keeps the objects and fetches, over a transport of ours; the push half of the protocol is
//! spoken directly, since it can then go out in one piece. The bytes of both come from one SSH connection that is kept
//! open between calls, with a channel and a push made ready in advance, and replaced when it is dead.
//!
//! What holds:
//! - No wait without a deadline: TCP, login, each silence, each operation as a whole. A stop ends every wait within a second.
//! - A host is talked to only if known_hosts names its key; nothing is learned by itself. A login goes to the
//!   address's own host alone.
//! - A push is compare-and-swap: the branch moves only from the commit's parent, never by force; a side branch of ours is
//!   replaced only if it is what was seen there. Only a refusal with the
//!   branch really elsewhere is a lost race. After any doubt the remote's branch decides.
//! - A commit is read back before it is pushed: its trees are the parent's bit by bit, but for the planned files, which
//!   have exactly the planned bytes.
//! - The mirror is a cache: damaged, locked, full, littered or gone, it is fetched anew. It belongs to one process at a time.
//! - What is fetched and read is bounded in time, bytes and files; history may be fetched in part and is deepened on demand.
//! - What a server says is shown in its own words, made plain and short.
//!
//! [`Local`] reads a branch of a clone that lies on this machine, without a server and without writing; [`OwnClone`] writes it
//! as the person who runs the program would.
//!
//! Deliberately absent: a work tree, filters, hooks, submodules and LFS (carried along untouched), the machine's git
//! configuration, ssh-agent and `~/.ssh`, passwords over SSH, dumb HTTP, other schemes.

mod access;
mod ahead;
mod allowed_signers;
mod bounds;
mod codecommit;
mod commit;
mod error;
mod exec;
mod folder;
mod forge_keys;
mod history;
mod http;
mod http_stream;
/// The deploy key: made, read, shown by its public half.
pub mod identity;
mod key_page;
mod known_hosts;
mod local;
mod login;
mod mirror;
mod own;
mod push;
mod receive_pack;
mod reply;
mod repo;
/// Changing the deploy key without a gap.
pub mod rotation;
mod session;
mod settings;
mod side;
mod signature;
mod socket;
mod ssh;
mod ssh_stream;
#[cfg(test)]
mod tests;
mod transport;
mod tree;
mod tree_bytes;
mod trust;
mod url;
mod wire;
mod words;

pub use access::{Access, probe};
pub use allowed_signers::{AllowedSigners, InvalidAllowedSigners};
pub use error::Error;
pub use identity::{DeployKey, KeyError, KeyKind};
pub use key_page::KeyPage;
pub use known_hosts::{InvalidKnownHosts, KnownHosts};
pub use local::{Local, LocalError, without_password};
pub use login::{HttpAccess, LoginError};
pub use own::OwnClone;
pub use repo::{Counters, Repo};
pub use settings::{Author, HostKeys, InvalidAuthor, Limits, Settings};
pub use trust::{Signers, Signing, Trust};
pub use url::{InvalidUrl, RepoUrl, Scheme};
pub use words::Refusal;
