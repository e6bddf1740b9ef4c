//! Whom we trust: the host keys of servers (known_hosts) and the signers of commits (allowed_signers), in OpenSSH's formats.
//!
//! Knows no network and no repository.

mod allowed_signers;
mod error;
mod fingerprint;
mod forge_keys;
mod host_keys;
mod host_line;
pub(crate) mod known_hosts;
mod list_file;
mod pattern_list;
mod signer_options;
mod signers;

pub(crate) use allowed_signers::NAMESPACE;
pub use allowed_signers::{AllowedSigners, InvalidAllowedSigners};
pub(crate) use error::Error;
pub(crate) use fingerprint::describe;
pub(crate) use host_keys::FileStamp;
pub use host_keys::HostKeys;
pub use known_hosts::{InvalidKnownHosts, KnownHosts};
pub use signers::Signers;
