use super::parse::Fault;

/// Longest pattern that is read: a tag has 128 characters at most.
const LONGEST: usize = 256;

/// A pattern over tags. `*` stands for any run of characters, also none (`**` is the same, a tag has no parts), `?` for
/// exactly one; everything else stands for itself. The whole tag must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagGlob(String);

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
        Ok(Self(text.to_owned()))
    }

    pub(super) fn everything() -> Self {
        Self("*".to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Linear in practice and at worst pattern length times tag length: after a mismatch only the last `*` is extended.
    pub(super) fn matches(&self, tag: &str) -> bool {
        let (mut pattern, mut text) = (self.0.as_bytes(), tag.as_bytes());
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern.split_first(), text.split_first()) {
                (Some((b'*', rest)), _) => {
                    retry = Some((rest, text));
                    pattern = rest;
                }
                (Some((p, rest)), Some((t, after))) if *p == b'?' || p == t => {
                    pattern = rest;
                    text = after;
                }
                (None, None) => return true,
                _ => match retry {
                    Some((rest, [_, shorter @ ..])) => {
                        retry = Some((rest, shorter));
                        pattern = rest;
                        text = shorter;
                    }
                    _ => return false,
                },
            }
        }
    }
}
