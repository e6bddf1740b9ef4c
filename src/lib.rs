//! Tidegate keeps a Kubernetes cluster equal to a git repository, and the repository up to date with the newest images.

pub mod aws;
pub mod driver;
pub mod http;
pub mod manifest;
pub mod model;
pub mod port;
pub mod registry;
pub mod telemetry;
