//! All integration tests, in one binary, on real parts: each module is one room or one story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by its line")]

mod agent;
mod bad_input;
mod chaos;
mod chart;
mod cluster;
mod copies;
mod docs;
mod forges;
mod fuzz_corpus;
mod generated;
mod git;
mod holds;
mod house;
mod identity;
mod keys;
mod laptop;
mod mirror;
mod oci;
mod openssh;
mod oracle;
mod proof;
mod pull_secrets;
mod pulls;
mod registry;
mod releases;
mod sync;
mod wire;
