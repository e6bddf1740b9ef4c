//! Carries notifications to their receivers: web services of one's own, Slack, Teams, Discord, commit statuses on a forge,
//! PagerDuty, and mail servers.
//!
//! Each receiver has a file that makes the request of a message, as data; `post` sends requests. The texts and the grouping are made
//! in `notice`.
//!
//! Invariants: every request has a deadline, and of a response a bounded part is read. No redirect is followed, and no request goes
//! to a link-local address (the metadata service of a cloud) that a name stands for. Addresses, tokens and keys are read from files for
//! each message, so that they may change at any time. No error names an address from a file: the address of a chat is a secret.
//!
//! Deliberately absent: reading anything from a receiver but whether it took the message.

mod address;
mod chat;
mod commit_status;
mod discord;
mod email;
mod failure;
mod mailbox;
mod pager_duty;
mod post;
mod request;
mod secret_file;
mod settings;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod webhook;

pub use mailbox::mailbox_mistake;
pub use post::Receiver;
pub use settings::{Address, EmailSettings, EmailTls, ReceiverSettings, StatusForge};
