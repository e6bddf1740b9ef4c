//! The ways to the repository: HTTPS, host keys, stalls, pushes made ready, round trips.

mod host_keys;
mod https;
mod ready;
mod round_trips;
mod scene;
mod stall;
