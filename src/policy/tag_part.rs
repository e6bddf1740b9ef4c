use super::fault::{Fault, shortened};
use super::pattern::Pattern;

/// The part of a tag that the fields of a group have in common: what the first capture group of an expression captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPart(Pattern);

/// An expression that finds no part of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be used: {problem}")]
pub struct InvalidTagPart {
    /// The expression, cut to 200 characters.
    pub text: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl TagPart {
    /// Reads an expression with a capture group.
    ///
    /// # Errors
    /// The text is not an expression, or has no capture group.
    pub fn parse(text: &str) -> Result<Self, InvalidTagPart> {
        let text = text.trim();
        let pattern = Pattern::parse(text).and_then(|pattern| match pattern.captures_anything() {
            true => Ok(Self(pattern)),
            false => Err(Fault::new(
                "it captures nothing to compare",
                r"put the part that must be equal in brackets, as in ^v(.*)-(web|api)$",
            )),
        });
        pattern.map_err(|fault| InvalidTagPart {
            text: shortened(text),
            problem: fault.to_string(),
        })
    }

    /// The part of a tag; `None` if the tag does not have it.
    pub fn of(&self, tag: &str) -> Option<String> {
        let first = self.0.parts(tag)?.into_iter().next()?;
        first.map(str::to_owned)
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_group_is_the_part() {
        let part = TagPart::parse(" ^v(.*)-(web|api)$ ").unwrap();
        let rows = [
            ("v1.2-web", Some("1.2")),
            ("v1.2-api", Some("1.2")),
            ("v1.2", None),
            ("v-web", Some("")),
        ];
        for (tag, expected) in rows {
            assert_eq!(part.of(tag).as_deref(), expected, "{tag}");
        }
        assert_eq!(TagPart::parse("^(a)|b(c)$").unwrap().of("bc"), None);
    }

    #[test]
    fn an_expression_that_finds_no_part_says_what_to_write() {
        for (text, expected) in [
            ("^v.*$", "captures nothing"),
            ("(", "not a regular expression"),
            ("", "is empty"),
        ] {
            let error = TagPart::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
