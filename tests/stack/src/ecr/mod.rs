//! A stand-in for Amazon ECR that speaks its wire protocol on loopback.
//!
//! For tests, benches and the demo: an unmodified AWS SDK is pointed at [`EcrServer::endpoint`] through
//! `AWS_ENDPOINT_URL_ECR` and sees repositories, images, pages, errors and tokens as the service gives them. The same
//! images are served by the registry's `/v2/` API, to which the tokens issued here are the key.
//!
//! A request goes `server` (one thread of its own, so that a test may block) -> `faults` (is this one to be spoiled?) ->
//! `wire` (who asks, for which region, for what) -> `read` or `write` on `store` -> `wire` (JSON) -> `faults` (is the
//! body to be spoiled?). `oci` answers below `/v2/`, `admin` below `/_admin/` for callers that are not Rust.
//!
//! What holds:
//! - Listings come in an order that says nothing about age or name, the same in each run: by a hash of the digest.
//! - A push time belongs to the digest, is chosen by the test, and is else the clock, never twice the same.
//! - Every answer has the shape of the AWS service model; `python/check_ecr.py` says so with botocore's own copy of it.
//!
//! [`Python`] and [`MotoServer`] are the second opinion: boto3, which the checks in `python/` are written for, and moto,
//! which tests may also use for services that have no stand-in here (STS, SQS).
//!
//! Deliberately absent: layer upload and scanning, replication and life-cycle rules, conversion between manifest types
//! (a type that the caller does not accept is an image that is not found), signatures (a key is known by its id, whatever
//! it signed with), tag mutability with exclusions, archived images, and permission policies: an access key may
//! do everything in its account and in those that share a repository with it, except where a [`Fault`] denies it.

mod admin;
mod answer;
mod bodies;
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
pub use python::{MotoServer, Python};
pub use store::Mutability;
