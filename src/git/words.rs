//! What servers say, made fit to be shown and sorted by what it means.

/// The most of a server's text that is kept; refusals are a few lines.
pub(super) const MOST: usize = 2000;

/// What a server's refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such repository, or not for this key.
    NoRepository,
    /// This key may not write.
    NoWrite,
    /// Something else, in the server's words.
    Other,
}

/// One line of plain text: control characters and escape sequences gone, lines joined, `remote:` left out, bounded.
pub(super) fn scrub(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    for line in text.split(['\n', '\r']) {
        let plain = without_escapes(line);
        let plain = plain.trim();
        let plain = plain.strip_prefix("remote:").unwrap_or(plain).trim();
        if plain.is_empty() || plain.chars().all(|c| matches!(c, '=' | '-' | '*' | '#')) {
            continue;
        }
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(plain);
    }
    match out.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

/// Reads the refusal's meaning from the words that the known servers use (OpenSSH with git-shell or a forced command,
/// GitHub, GitLab, Gitea and Forgejo, Bitbucket, CodeCommit, Azure).
pub(super) fn meaning(words: &str, writing: bool) -> Refusal {
    let words = words.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
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

/// The same for an HTTP status, whose words are often missing: `forbidden` is 403, all else means that nothing is there.
pub(super) fn status_meaning(forbidden: bool, writing: bool, words: &str) -> Refusal {
    match meaning(words, writing) {
        Refusal::Other if forbidden && writing => Refusal::NoWrite,
        Refusal::Other => Refusal::NoRepository,
        told => told,
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

fn without_escapes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next_if(|c| !c.is_ascii_alphabetic() && !c.is_control()).is_some() {}
                chars.next_if(char::is_ascii_alphabetic);
            }
        } else if c == '\t' {
            out.push(' ');
        } else if !c.is_control() && !is_direction_mark(c) {
            out.push(c);
        }
    }
    out
}

/// Marks that turn the reading direction could make a log line say something else.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_print_becomes_one_plain_line() {
        let text = b"remote: \x1b[31mERROR:\x1b[0m no\tway\r\nremote: ========\n\n\x07fatal: bye\x00\n";
        assert_eq!(scrub(text), "ERROR: no way; fatal: bye");
        assert!(scrub("é".repeat(5000).as_bytes()).chars().count() <= MOST + 1);
    }

    #[test]
    fn refusals_are_told_apart_in_the_words_of_each_server() {
        for (words, writing, want) in [
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
            assert_eq!(meaning(words, writing), want, "{words}");
        }
    }
}
