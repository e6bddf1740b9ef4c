#[path = "../../src/git/keys/key_kind.rs"]
mod key_kind;
#[path = "../../src/git/keys/key_page.rs"]
mod key_page;

pub use key_kind::KeyKind;
