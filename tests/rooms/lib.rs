//! The rooms that know no clock, disk, network or async (floors 0 to 2 of the house), built without the others.

#![allow(dead_code, unused_imports, reason = "what only the rooms above use is not used here")]
#![allow(missing_docs, reason = "the library documents its rooms")]

#[path = "../../src/history/mod.rs"]
pub mod history;
#[path = "../../src/manifest/mod.rs"]
pub mod manifest;
#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../src/policy/mod.rs"]
pub mod policy;
#[path = "../../src/release/mod.rs"]
pub mod release;
#[path = "../../src/resource/mod.rs"]
pub mod resource;
#[path = "../../src/spread/mod.rs"]
pub mod spread;
