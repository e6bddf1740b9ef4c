use super::push_reply::PushReply;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::transport::refusal::refused;
use std::sync::atomic::Ordering;

/// One update of one branch, and the objects that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// The full name.
    pub branch: String,
    /// The commit that the branch must have now, in 40 digits; `NO_COMMIT`: the branch must not exist.
    pub old: String,
    /// The commit that the branch is to have, in 40 digits; `NO_COMMIT`: the branch is to be removed.
    pub new: String,
    /// All new objects; empty for a removal.
    pub pack: Vec<u8>,
}

/// Counts and interprets bytes from the server.
pub(crate) fn take(endpoint: &Endpoint, reply: &mut PushReply, bytes: &[u8]) -> Result<(), Error> {
    endpoint
        .counts
        .received
        .fetch_add(bytes.len() as u64, Ordering::Relaxed);
    reply
        .take(bytes)
        .ok_or_else(|| endpoint.not_git("it is not git's protocol"))?;
    match reply.take_refusal() {
        Some(message) => Err(refused(&endpoint.url, &message, true)),
        None => Ok(()),
    }
}
