//! Reads the tags and platforms of images from registries.
//!
//! [`Router`] implements [`port::Registry`](crate::port::Registry), and [`port::PullTokens`](crate::port::PullTokens) for ECR. It reads the kind of registry from the host and hands
//! the request to the client of that kind: private ECR (`ecr`), or any registry of the OCI distribution specification (`oci`). A
//! further kind is one more variant in `router` and one more folder; nothing outside this room changes.
//!
//! Shared by all kinds: how fast and how long a registry is read ([`ReadLimits`], `rate_limit`), and the platforms of an
//! image index (`image_index`).
//!
//! Invariants for every client:
//! - A listing is complete, or it is an error. No client returns the part that it has read so far.
//! - Every tag and digest in a listing follows its grammar. Others are left out and counted.
//! - One slow or throttled registry does not delay another.
//!
//! Deliberately absent: any order of tags, and which repositories may be scanned (`policy`).

mod ecr;
mod image_index;
mod oci;
mod rate_limit;
mod read_limits;
mod router;
#[cfg(test)]
mod test_kind;

pub use image_index::list_platforms;
pub use oci::OciSettings;
pub use read_limits::ReadLimits;
pub use router::Router;
