//! Marker comments: a comment behind a value that makes the value an image field with a policy.
//!
//! Flow: `comment` finds the markers of a file; `scalars` finds the value that each marker stands behind; `repository`
//! finds the repository of a tag; `site` builds the image field; `names` knows which names are written with their tags; `apply` puts it all together for one document.

pub(crate) mod apply;
pub(crate) mod comment;
mod names;
mod repository;
mod scalars;
mod site;
