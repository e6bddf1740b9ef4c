//! Notifications: the sink that tells people, by rules, over receivers that may be slow or gone.
//!
//! ```text
//!   Reporter ─▶ Notifications ─▶ Lane (one for each rule) ──wake──▶ Outbox task ─▶ port::Messenger
//!                                rule, pending, announced           groups, retries, remembers
//! ```
//!
//! - A lane never waits: what is pending is merged in place and stays bounded. Of a burst the most severe events are listed, and
//!   the others are counted by kind. A condition that comes and goes again before it was announced is not announced.
//! - A message is one group of events. The next group is collected while a message waits for its receiver.
//! - What was announced is kept outside of the process ([`AnnouncedStore`](crate::port::AnnouncedStore)): which conditions hold, by a
//!   hash. A restart announces none of them again. A process that is killed between the delivery of a message and the note about it
//!   repeats that message.
//!
//! Deliberately absent: the receivers' protocols, which the edge `notify` knows, and secrets.

mod announced;
mod describe;
mod described;
mod lane;
mod memory;
mod of_branch;
mod of_target;
mod outbox;
mod pending;
mod rule;
mod sink;
mod template;
#[cfg(test)]
mod tests;

pub use outbox::{Origin, Outbox, test_message};
pub use rule::Rule;
pub use sink::Notifications;
pub use template::Template;
