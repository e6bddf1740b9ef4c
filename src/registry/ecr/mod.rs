//! Private ECR registries.
//!
//! Flow of one listing: the host gives account and region ([`EcrHost`](crate::aws::EcrHost)); the rate limit of that account and region lets
//! the request through; `clients` holds an AWS client for each identity and endpoint; `client` requests DescribeImages page
//! by page; `page_reader` reads the images of a page from the response's body (`rows`, `json`), or leaves an unusual body to
//! the SDK; `tags` collects the tags of each page; `explain` turns an `error` into a message for people.
//!
//! For pull secrets, `token` asks for logins.
//!
//! For an image that is about to be taken, BatchGetImage returns the image index, and the index lists the platforms.
//!
//! Invariants:
//! - A page that fails, a page token that repeats, and one page too many each end the listing with an error. The SDK's own
//!   paginator is not used: it takes a repeated token for the end and returns the pages so far.
//! - What is read from a body is what the SDK's own deserialiser reads from it (`page_tests`).
//! - Credentials that AWS calls expired are replaced once within the same listing.
//!
//! Deliberately absent: public ECR, any order of tags (pages come in no order, and the newest image may be on the last
//! page), and archived images, for which DescribeImages needs a request of its own.

mod attempts;
mod client;
mod clients;
mod error;
mod explain;
mod json;
mod page_reader;
#[cfg(test)]
mod page_tests;
mod rows;
mod tags;
#[cfg(test)]
mod tests;
mod token;

pub(super) use client::Ecr;
