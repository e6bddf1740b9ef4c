use super::rejected::Rejected;
use crate::model::{FieldId, HoldUntil, Printable};
use std::fmt;

/// How a hold can be lifted, for the texts that report it.
#[derive(Debug, Clone, Copy)]
pub struct Remedy<'a> {
    /// The held field.
    pub field: &'a FieldId,
    /// Whether a newer tag lifts the hold.
    pub until: HoldUntil,
    /// Further arguments that `tidegate resume` needs to find the repository, with a leading blank. Usually empty.
    pub repo_args: &'a str,
}

impl Remedy<'_> {
    /// The command that lifts the hold of this field and of no other field, ready to be pasted into a shell:
    /// `tidegate resume deployment/web -n shop --field web`.
    pub fn command(&self) -> String {
        let object = &self.field.object;
        let named = shell_word(&format!("{}/{}", object.kind.to_lowercase(), object.name));
        let namespace = object
            .namespace
            .as_ref()
            .map_or(String::new(), |name| format!(" -n {}", shell_word(name)));
        let field = shell_word(&self.field.field.0);
        format!("tidegate resume {named}{namespace} --field {field}{}", self.repo_args)
    }
}

/// The end of a reason: what lifts the hold.
pub(super) struct Lifting<'a>(pub(super) &'a Rejected, pub(super) Remedy<'a>);

impl fmt::Display for Lifting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1.until == HoldUntil::Newer {
            f.write_str("a tag pushed later, ")?;
        }
        write!(
            f,
            "a revert of {} or `{}` lifts it",
            self.0.commit.short(),
            self.1.command()
        )
    }
}

/// A text as one word of a POSIX shell's command line. Control characters are left out: no terminal should receive them.
pub(crate) fn shell_word(text: &str) -> String {
    let text = Printable::new(text).dropping().uncut().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+,=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
