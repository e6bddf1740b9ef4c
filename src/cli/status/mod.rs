//! `tidegate status`: what the running agent knows about itself, in a few lines.
//!
//! `answer` is the part of `/v1/status` that the lines need, `lines` makes them and says what is unwell, `command` prints them.

mod answer;
mod command;
mod lines;

pub(super) use answer::{Answer as StatusAnswer, Target, short};
pub(super) use command::Status;
