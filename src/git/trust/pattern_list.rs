use crate::model::Wildcard;

/// A pattern list of OpenSSH (`ssh_config(5)`, "PATTERNS"). A text matches if one of the patterns matches it and no pattern
/// that begins with `!` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternList(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    wildcard: Wildcard,
    is_negated: bool,
}

impl PatternList {
    /// Host names, whose case is ignored.
    pub(crate) fn of_hosts<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(patterns, |pattern| Wildcard::ignoring_case(pattern))
    }

    /// Patterns separated by commas, compared exactly. A blank is a part of its pattern.
    pub(crate) fn parse(text: &str) -> Self {
        Self::new(text.split(','), |pattern| Wildcard::new(pattern))
    }

    fn new<'a>(patterns: impl IntoIterator<Item = &'a str>, wildcard: impl Fn(&str) -> Wildcard) -> Self {
        let pattern = |text: &str| match text.strip_prefix('!') {
            Some(excluded) => Pattern {
                wildcard: wildcard(excluded),
                is_negated: true,
            },
            None => Pattern {
                wildcard: wildcard(text),
                is_negated: false,
            },
        };
        Self(patterns.into_iter().map(pattern).collect())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut found = false;
        for pattern in self.0.iter().filter(|pattern| pattern.wildcard.matches(text)) {
            if pattern.is_negated {
                return false;
            }
            found = true;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excluded_text_does_not_match_whatever_the_order() {
        for (list, text, matches) in [
            ("file,git", "git", true),
            ("*,!git", "git", false),
            ("!git,*", "git", false),
            ("!git,*", "file", true),
            ("!file", "git", false),
            ("Git", "git", false),
        ] {
            assert_eq!(PatternList::parse(list).matches(text), matches, "{list} {text}");
        }
        assert!(PatternList::of_hosts(["*.Acme.example"]).matches("git.acme.example"));
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_try_each_combination() {
        assert!(!PatternList::parse(&"*a".repeat(60)).matches(&"ab".repeat(5_000)));
    }
}
