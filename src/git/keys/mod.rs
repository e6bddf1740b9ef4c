//! The deploy key: its forms, its file, and where a forge takes its public half.

pub(crate) mod deploy_key;
mod key_page;

pub use deploy_key::{DeployKey, KeyError, KeyKind};
pub use key_page::KeyPage;
