//! The error for a command that the server has refused.

use super::error::Error;
use super::server_message::{Refusal, meaning};
use crate::git::url::{RepoUrl, Scheme};

/// The error for a command that ended early. `message` is the server's message; `writing`: the command was a push.
pub(crate) fn refused(url: &RepoUrl, message: &str, writing: bool) -> Error {
    let kind = meaning(message, writing);
    let meaning = match kind {
        Refusal::Other => "the server ended the command",
        kind => remedy(kind, url.scheme()),
    };
    Error::Refused {
        url: url.to_string(),
        meaning,
        kind,
        message: message.to_owned(),
    }
}

/// What a refusal means, and what to do.
pub(crate) fn remedy(refusal: Refusal, scheme: Scheme) -> &'static str {
    match (refusal, scheme) {
        (Refusal::NoRepository, Scheme::Ssh) => {
            "there is no such repository, or our key has no access to it; check repo.url and the deploy key"
        }
        (Refusal::NoRepository, _) => {
            "there is no such repository, or our login has no access to it; check repo.url and repo.http.credentials"
        }
        (Refusal::NoWrite, Scheme::Ssh) => "the deploy key may read but not write; give it write access",
        (Refusal::NoWrite, _) => "the login may read but not write; give it write access",
        (Refusal::Other, _) => "the server refuses",
    }
}
