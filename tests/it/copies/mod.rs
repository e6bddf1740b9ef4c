//! Mirrors: copies of Secrets and ConfigMaps, by a running agent on real API servers.

mod kubed;
mod many;
mod scene;
mod story;
mod targets;
