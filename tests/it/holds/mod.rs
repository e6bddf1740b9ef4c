//! What is held after histories that the real git program made, read as the agent reads them.

mod beside;
mod command;
mod lift;
mod offers;
mod script;
mod shapes;
