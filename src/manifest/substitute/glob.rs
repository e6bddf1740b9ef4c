//! The patterns of `${var#pattern}` and its kin: those of a shell, in which `*` and `?` match a slash, too.

/// A pattern in parts.
pub(super) struct Glob(Vec<Part>);

enum Part {
    Any,
    One,
    Literal(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// `None` for a pattern that is malformed.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut chars = pattern.chars().peekable();
        let mut parts = Vec::new();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Literal(chars.next()?),
                '[' => {
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || chars.peek() != Some(&']') {
                        let low = class_character(&mut chars)?;
                        let high = match chars.next_if_eq(&'-') {
                            Some(_) => class_character(&mut chars)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    chars.next();
                    Part::Class { negated, ranges }
                }
                c => Part::Literal(c),
            });
        }
        Some(Self(parts))
    }

    /// Whether the whole text matches. The time grows with the product of the two lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut rest, mut at) = (text.chars(), 0);
        // Where to go on after a mismatch: behind the last star, which then takes one character more.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Part::Any) = self.0.get(at) {
                at += 1;
                again = Some((at, rest.clone()));
                continue;
            }
            let mut next = rest.clone();
            let character = next.next();
            let is_match = match (self.0.get(at), character) {
                (None, None) => return true,
                (Some(part), Some(character)) => part.takes(character),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if is_match {
                (rest, at) = (next, at + 1);
                continue;
            }
            let Some((behind, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            (rest, at) = (from.clone(), *behind);
        }
    }
}

impl Part {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(literal) => *literal == character,
            Self::Class { negated, ranges } => {
                let is_in = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                is_in != *negated
            }
        }
    }
}

fn class_character(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*.", "bash.", true),
            ("*.", "bash.s", false),
            ("*/", "path/to/", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]*", "bx", true),
            ("[^a-c]*", "bx", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b", "xaybzb", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(
                Glob::parse(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        for malformed in ["[", "[]a]", "[a-]", "\\"] {
            assert!(Glob::parse(malformed).is_none(), "{malformed}");
        }
    }
}
