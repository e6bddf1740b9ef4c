//! `tidegate sync`: wakes the running agent, and with `--wait` follows the commit until it is healthy or cannot become so.

mod command;
mod progress;
mod wait;

pub(super) use command::Sync;
