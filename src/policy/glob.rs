use super::fault::Fault;
use crate::model::Wildcard;

/// The longest pattern in bytes. Longer patterns are rejected: a tag has at most 128 characters.
const LONGEST: usize = 256;

/// A [`Wildcard`] over tags. A tag has no parts, so `**` means the same as `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagGlob(Wildcard);

impl TagGlob {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new("the pattern is empty", "write * for every tag"));
        }
        if text.len() > LONGEST {
            return Err(Fault::new(
                "the pattern is too long",
                "a tag has 128 characters at most, a pattern may have 256",
            ));
        }
        if let Some(odd) = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"_.-*?".contains(*c))
        {
            return Err(Fault::new(
                format!("no tag contains {odd:?}, so the pattern would match nothing"),
                "use letters, digits, _ . - with * for any run and ? for one character, or regex:<expression>",
            ));
        }
        Ok(Self(Wildcard::new(text)))
    }

    /// The pattern that matches every tag.
    pub(super) fn everything() -> Self {
        Self(Wildcard::new("*"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn matches(&self, tag: &str) -> bool {
        self.0.matches(tag)
    }
}
