//! The webhook of the forge, and the settings for `config`.

#[path = "../../src/http/webhook/event.rs"]
mod event;
#[path = "../../src/http/settings.rs"]
mod settings;
#[path = "../../src/http/webhook/signature.rs"]
mod signature;

pub use event::pushed_branch;
pub use settings::Settings;
pub use signature::Signature;
