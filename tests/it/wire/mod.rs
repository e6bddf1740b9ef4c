//! The ways to the repository: HTTPS, host keys, stops, round trips.

mod https;
mod scene;
