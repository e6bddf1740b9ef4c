//! The messages to users about a push that the server rejected.

/// The server refused the push: a hook or a branch protection rule. `message` is the server's own text.
pub(super) fn refused(message: &str) -> String {
    format!(
        "the server refused the push: {}; let the deploy key push to the branch, change the rule that refuses, or have \
         tidegate push to a branch of its own (automation.push)",
        message.trim_end_matches('.')
    )
}

/// The deploy key may read and not write. `message` is the server's own text.
pub(super) fn read_only(message: &str) -> String {
    format!(
        "the deploy key may not write: {}; give it write access (`tidegate identity` prints it)",
        message.trim_end_matches('.')
    )
}
