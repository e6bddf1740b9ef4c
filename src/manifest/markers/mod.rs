//! Marker comments: a comment behind a value that makes the value an image field with a policy.

pub(crate) mod apply;
