//! The settings and the reading of addresses alone, for `config`.

#[path = "../../src/notify/mailbox.rs"]
mod mailbox;
#[path = "../../src/notify/settings.rs"]
mod settings;

pub use mailbox::mailbox_mistake;
pub use settings::{Address, EmailSettings, EmailTls, ReceiverSettings, StatusForge};
