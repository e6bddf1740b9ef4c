/// A pattern over a text: `*` stands for any run of characters, also an empty one, `?` for exactly one character, and every
/// other character for itself. The whole text must match. This is the pattern of OpenSSH's `ssh_config(5)`, "PATTERNS".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wildcard {
    pattern: String,
    ignores_case: bool,
}

impl Wildcard {
    /// A pattern that compares letters exactly.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            ignores_case: false,
        }
    }

    /// A pattern that does not distinguish upper-case from lower-case ASCII letters, for host names.
    pub fn ignoring_case(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            ignores_case: true,
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern matches the whole text.
    ///
    /// The time is at most the length of the pattern times the length of the text. After a mismatch only the last `*` takes one
    /// more character: a longer run for an earlier `*` cannot make the rest match.
    pub fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (self.pattern.chars(), text.chars());
        let mut last_star = None;
        loop {
            let (mut pattern_rest, mut text_rest) = (pattern.clone(), text.clone());
            match (pattern_rest.next(), text_rest.next()) {
                (Some('*'), _) => {
                    last_star = Some((pattern_rest.clone(), text.clone()));
                    pattern = pattern_rest;
                }
                (Some(expected), Some(found)) if self.is_same(expected, found) => {
                    (pattern, text) = (pattern_rest, text_rest);
                }
                (None, None) => return true,
                _ => {
                    let Some((after_star, star_text)) = &mut last_star else {
                        return false;
                    };
                    if star_text.next().is_none() {
                        return false;
                    }
                    (pattern, text) = (after_star.clone(), star_text.clone());
                }
            }
        }
    }

    fn is_same(&self, expected: char, found: char) -> bool {
        expected == '?' || expected == found || self.ignores_case && expected.eq_ignore_ascii_case(&found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn star_stands_for_any_run_and_question_mark_for_one_character() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("a", "a", true),
            ("a", "A", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("*.acme.example", "git.acme.example", true),
            ("*.acme.example", "acme.example", false),
            ("v*-rc*", "v1-rc-rc2", true),
            ("*ab", "aab", true),
            ("*a*b*", "xxbxa", false),
            ("a*a", "a", false),
            ("[a]", "a", false),
        ] {
            assert_eq!(Wildcard::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn case_is_ignored_only_on_request() {
        assert!(Wildcard::ignoring_case("*.Acme.Example").matches("GIT.acme.example"));
        assert!(!Wildcard::new("*.Acme.Example").matches("GIT.acme.example"));
        assert!(
            !Wildcard::ignoring_case("É").matches("é"),
            "letters outside ASCII are compared exactly"
        );
    }

    #[test]
    fn many_stars_against_a_long_text_do_not_try_each_combination() {
        let pattern = Wildcard::new("*a".repeat(60));
        let (letters, mixed) = ("a".repeat(10_000), "ab".repeat(5_000));
        assert!(pattern.matches(&letters));
        assert!(!pattern.matches(&mixed));
        assert!(!pattern.matches(&format!("{letters}b")));
    }

    proptest! {
        #[test]
        fn it_matches_what_the_regular_expression_matches(pattern in "[ab*?]{0,8}", text in "[ab]{0,12}") {
            let regex = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&regex).unwrap().is_match(&text);
            prop_assert_eq!(Wildcard::new(pattern).matches(&text), expected);
        }
    }
}
