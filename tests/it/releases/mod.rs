//! HelmReleases of the config repo, carried out by the running agent with the real helm on a real API server.

mod away;
mod bad_states;
mod drift;
mod flags;
mod hostile;
mod idle;
mod kill;
mod moved;
mod remote;
mod scene;
mod story;
mod surroundings;
mod values;
