//! A stand-in for Amazon ECR that speaks its wire protocol on loopback.
//!
//! For tests, benches and the demo: an unmodified AWS SDK uses [`EcrServer::endpoint`] through `AWS_ENDPOINT_URL_ECR` and gets
//! repositories, images, pages, errors and tokens in the form of the service. The registry's `/v2/` API serves the same
//! images; the tokens of the stand-in give access to it.
//!
//! The path of a request: `server` (in its own thread, so that a test may block) -> `faults` (does a fault apply?) -> `wire`
//! (caller, region, operation) -> `read` or `write` on `store` -> `wire` (JSON) -> `faults` (does a fault apply to the body?).
//! `oci` answers below `/v2/`, and `admin` below `/_admin/` for callers that are not Rust.
//!
//! Invariants:
//! - Listings are ordered by a hash of the digest: the order is unrelated to age and name, and the same in each run.
//! - A push time belongs to a digest. The test chooses the time, or the clock does, which never returns the same time twice.
//! - Every response has the form of the AWS service model. `python/check_ecr.py` checks this with botocore's copy of the model.
//!
//! [`Python`] and [`MotoServer`] are the comparison: boto3, which the checks in `python/` use, and moto, which tests may also
//! use for services without a stand-in (STS, SQS).
//!
//! Deliberately absent: layer upload and scanning, replication and life-cycle rules, conversion between manifest types
//! (a type that the caller does not accept is an image that is not found), signatures (a key is known by its id, whatever
//! it signed with), tag mutability with exclusions, archived images, and permission policies: an access key may
//! do everything in its account and in those that share a repository with it, except where a [`Fault`] denies it.

mod admin;
mod answer;
mod bodies;
mod busy;
mod clock;
mod counts;
mod faults;
mod handle;
mod manifest;
mod oci;
mod pages;
mod push;
mod python;
mod read;
mod server;
mod store;
mod tokens;
mod validate;
mod wire;
mod write;

pub use clock::PushTime;
pub use counts::{Mark, Requests};
pub use faults::{Fault, FaultKind};
pub use handle::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer, Options};
pub(crate) use manifest::digest_of;
pub use python::{MotoServer, Python};
pub use store::Mutability;
