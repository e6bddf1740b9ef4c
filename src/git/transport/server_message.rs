//! Messages of servers: made plain and short, without our own secrets, and sorted by their meaning.

use crate::model::Printable;
use crate::telemetry::redacted;

/// The longest message in characters. Refusals are a few lines.
const LONGEST: usize = 2000;
/// The most bytes of a message to keep before it is made plain.
pub(crate) const LONGEST_RAW: usize = LONGEST * 2;

/// What a server's refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such repository, or this key has no access to it.
    NoRepository,
    /// This key may read but not write.
    NoWrite,
    Other,
}

/// One line of plain text, without control characters, escape sequences, `remote:` and the secrets that were sent, and cut after
/// [`LONGEST`].
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = redacted(&String::from_utf8_lossy(bytes));
    let mut out = String::new();
    for line in text.split(['\n', '\r']) {
        let text = line.replace('\t', " ");
        let text = Printable::new(&text).without_escapes().dropping().uncut().to_string();
        let plain = text.trim();
        let plain = plain.strip_prefix("remote:").unwrap_or(plain).trim();
        if plain.is_empty() || plain.chars().all(|c| matches!(c, '=' | '-' | '*' | '#')) {
            continue;
        }
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(plain);
    }
    // Again: escape sequences may have stood within a secret.
    let out = redacted(&out);
    match out.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

/// The meaning of a refusal, by the phrases of the known servers (OpenSSH with git-shell or a forced command, GitHub, GitLab,
/// Gitea and Forgejo, Bitbucket, CodeCommit, Azure). `writing`: the refused command is a push.
pub(crate) fn meaning(message: &str, writing: bool) -> Refusal {
    let message = message.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    if writing && says(NO_WRITE) {
        Refusal::NoWrite
    } else if says(NO_REPOSITORY) {
        Refusal::NoRepository
    } else if writing && says(DENIED) {
        Refusal::NoWrite
    } else if !writing && says(DENIED) {
        Refusal::NoRepository
    } else {
        Refusal::Other
    }
}

/// The meaning of an HTTP status, which often comes without a message. `forbidden`: the status is 403; any other status means
/// that there is no repository.
pub(crate) fn status_meaning(forbidden: bool, writing: bool, message: &str) -> Refusal {
    match meaning(message, writing) {
        Refusal::Other if forbidden && writing => Refusal::NoWrite,
        Refusal::Other => Refusal::NoRepository,
        known => known,
    }
}

const NO_WRITE: &[&str] = &[
    "read only",
    "read-only",
    "readonly",
    "write access",
    "not authorized to write",
    "not allowed to push",
    "not allowed to upload",
    "push access denied",
    "insufficient permission to push",
    "genericcontribute",
    "codecommit:gitpush",
];

const NO_REPOSITORY: &[&str] = &[
    "repository not found",
    "not appear to be a git repository",
    "not a git repository",
    "could not be found",
    "cannot find repository",
    "project you were looking for",
    "does not exist",
    "doesn't exist",
    "no such file",
    "repository access denied",
    "invalid repository",
    "unable to find repository",
];

const DENIED: &[&str] = &[
    "denied",
    "not authorized",
    "not allowed",
    "unauthorized",
    "forbidden",
    "permission",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_print_becomes_one_plain_line() {
        let text = b"remote: \x1b[31mERROR:\x1b[0m no\tway\r\nremote: ========\n\n\x07fatal: bye\x00\n";
        assert_eq!(plain(text), "ERROR: no way; fatal: bye");
        assert!(plain("é".repeat(5000).as_bytes()).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn refusals_are_distinguished_by_the_phrases_of_each_server() {
        for (message, writing, expected) in [
            (
                "ERROR: The key you are authenticating with has been marked as read only.",
                true,
                Refusal::NoWrite,
            ),
            (
                "GitLab: This deploy key does not have write access to this project.",
                true,
                Refusal::NoWrite,
            ),
            (
                "ERROR: Permission to acme/fleet.git denied to deploy key",
                true,
                Refusal::NoWrite,
            ),
            (
                "Gitea: Deploy Key: 3:tidegate is not authorized to write to acme/fleet.",
                true,
                Refusal::NoWrite,
            ),
            ("ERROR: Repository not found.", false, Refusal::NoRepository),
            (
                "fatal: '/srv/x.git' does not appear to be a git repository",
                true,
                Refusal::NoRepository,
            ),
            (
                "GitLab: The project you were looking for could not be found or you don't have permission",
                false,
                Refusal::NoRepository,
            ),
            ("Internal server error", true, Refusal::Other),
        ] {
            assert_eq!(meaning(message, writing), expected, "{message}");
        }
    }
}
