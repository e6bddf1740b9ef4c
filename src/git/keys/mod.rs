//! The deploy key: its file and its Secret, its rotation, and where a forge takes its public half.

pub(crate) mod deploy_key;
mod key_page;
pub(crate) mod rotation;

pub use deploy_key::{DeployKey, KeyError, KeyKind};
pub(crate) use deploy_key::{load_file, load_or_create_file};
pub use key_page::KeyPage;
