//! Packets, advertisements and reports, lists of keys, and the settings for `config`.

#[path = "../../src/git/codecommit.rs"]
mod codecommit;
#[path = "git_keys.rs"]
mod keys;
#[path = "../../src/git/limits.rs"]
mod limits;
#[path = "git_protocol.rs"]
mod protocol;
#[path = "../../src/git/readers.rs"]
pub mod readers;
#[path = "git_transport.rs"]
mod transport;
#[path = "../../src/git/trust/mod.rs"]
mod trust;
#[path = "../../src/git/url.rs"]
mod url;

pub use keys::KeyKind;
pub use limits::Limits;
pub use transport::HttpAccess;
pub use trust::{AllowedSigners, HostKeys, InvalidAllowedSigners, InvalidKnownHosts, KnownHosts, Signers};
pub use url::{InvalidUrl, RepoUrl, Scheme};
