//! The rooms that are fuzzed, and those below them.

#[path = "../src/history/mod.rs"]
pub mod history;
#[path = "../src/manifest/mod.rs"]
pub mod manifest;
#[path = "../src/model/mod.rs"]
pub mod model;
#[path = "../src/plan/mod.rs"]
pub mod plan;
#[path = "../src/policy/mod.rs"]
pub mod policy;
#[path = "../src/resource/mod.rs"]
pub mod resource;
