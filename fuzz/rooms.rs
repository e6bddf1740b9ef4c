//! The rooms that are fuzzed, and those below them. Of the rooms that know libraries for clusters, clouds and git, only the
//! files that read a wire: `wires` names them.
#![allow(dead_code, unused_imports, reason = "each target uses a part of the rooms")]

#[path = "wires/aws.rs"]
pub mod aws;
#[path = "wires/cluster.rs"]
pub mod cluster;
#[path = "../src/config/mod.rs"]
pub mod config;
#[path = "wires/forge.rs"]
pub mod forge;
#[path = "wires/git.rs"]
pub mod git;
#[path = "../src/history/mod.rs"]
pub mod history;
#[path = "wires/http.rs"]
pub mod http;
#[path = "../src/manifest/mod.rs"]
pub mod manifest;
#[path = "../src/model/mod.rs"]
pub mod model;
#[path = "wires/notice.rs"]
pub mod notice;
#[path = "wires/notify.rs"]
pub mod notify;
#[path = "../src/plan/mod.rs"]
pub mod plan;
#[path = "../src/policy/mod.rs"]
pub mod policy;
#[path = "wires/port.rs"]
pub mod port;
#[path = "wires/registry.rs"]
pub mod registry;
#[path = "../src/resource/mod.rs"]
pub mod resource;
#[path = "wires/source.rs"]
pub mod source;
#[path = "../src/spread/mod.rs"]
pub mod spread;
#[path = "wires/telemetry.rs"]
mod telemetry;
