//! Reads the tags of ECR repositories.
//!
//! Flow of one [`Ecr::list`](crate::port::Registry::list): the host says account and region ([`EcrHost`]); the lane of
//! that account and region gives a place and a pace (`lane`); the region's client (`clients`) asks DescribeImages page
//! after page (`ecr`), each page's images are checked and kept (`tags`); what went wrong becomes words (`failure`).
//!
//! Of an image that is about to be taken, BatchGetImage gives the index, and that the platforms (`index`).
//!
//! What holds:
//! - A listing is complete or it is an error: one page that fails, repeats a token, or is one too many ends the reading.
//!   The SDK's own paginator is not used, since it takes a repeated token for the end and returns what it has so far.
//! - Nothing that is listed breaks the grammar of tags or digests; what does is left out and counted.
//! - One slow or throttled account does not hold up another.
//! - Credentials that AWS calls expired are fetched anew once within the same listing.
//!
//! Deliberately absent: other registries, public ECR, any ordering of tags (pages come in no order and the newest image
//! may be on the last), and archived images, for which DescribeImages would have to be asked apart.

mod clients;
mod ecr;
mod failure;
mod host;
mod index;
mod lane;
mod tags;
#[cfg(test)]
mod tests;

pub use ecr::{Ecr, ReadLimits};
pub use host::EcrHost;
