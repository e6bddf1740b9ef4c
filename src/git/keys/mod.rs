//! The deploy key: its forms, its file, and where a forge takes its public half.

pub(crate) mod deploy_key;
mod key_kind;
mod key_page;

pub use deploy_key::{DeployKey, KeyError};
pub use key_kind::KeyKind;
pub use key_page::KeyPage;
