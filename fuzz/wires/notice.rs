//! The rules of notifications alone, for `config`.

#[path = "../../src/notice/notification/rule.rs"]
mod rule;
#[path = "../../src/notice/notification/template.rs"]
mod template;

pub use rule::Rule;
pub use template::Template;
