//! The HelmReleases of a target, Helm's storage, and the sources of values.
//!
//! The watches begin when the loop of releases asks for them: an agent whose config repo declares no HelmRelease sends nothing.
//! Of Helm's storage only the labels are read: the revisions themselves hold values and stay on the server, but for the one that
//! is marked as failed, and the newest one of a release whose objects have changed.

mod api;
mod object_watches;
mod objects;
mod reduce;
mod sources;
mod store;
mod watch;

pub use api::HelmReleases;
