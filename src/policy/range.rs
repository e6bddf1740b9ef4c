use super::fault::Fault;
use super::version::Version;
use semver::Prerelease;
use std::cmp::Ordering;

/// The longest range that is accepted, in characters. People write about twenty.
const LONGEST: usize = 256;

/// A version range in the dialect of Masterminds semver v3, which Flux (v1 and v2) and Helm use. `||` separates
/// alternatives. Blanks or commas separate the comparisons of an alternative, and a version must match all of them.
///
/// The differences from Masterminds 3.5, which rewrites hyphen ranges as text first:
/// - A hyphen range may follow another comparison. Masterminds: an error.
/// - A blank or a comma must follow a hyphen range. Masterminds: nothing needs to follow.
/// - A hyphen range next to `||` needs no blanks. Masterminds: splits the neighbouring comparison.
/// - A single `|` is an error. Masterminds: part of a number.
/// - A mix of digits and a wildcard, such as `1.x2`, is an error. Masterminds: ignored behind a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    text: String,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    comparisons: Vec<Comparison>,
    /// Whether one of the comparisons names a pre-release. Without such a comparison no pre-release matches this alternative.
    pre_releases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: semver::Version,
    given: Given,
}

/// How many numbers of a comparison's version are written before the first `x` or the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Nothing,
    Major,
    MajorMinor,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    AtLeast,
    AtMost,
    Tilde,
    Caret,
}

/// The result of comparing a version with a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Yes,
    No,
    /// The version is a pre-release, and the range does not name any pre-release.
    PreRelease,
}

impl Range {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        const EXAMPLES: &str = "write a range such as ~1.2, ^2, >=1.4 <2, 1.2 - 1.8 or * (Masterminds semver v3)";
        if text.trim().is_empty() {
            return Err(Fault::new("the range is empty", EXAMPLES));
        }
        if text.len() > LONGEST {
            return Err(Fault::new("the range is longer than 256 characters", EXAMPLES));
        }
        let alternatives = text
            .split("||")
            .map(alternative)
            .collect::<Result<_, String>>()
            .map_err(|problem| Fault::new(problem, EXAMPLES))?;
        Ok(Self {
            text: text.trim().to_owned(),
            alternatives,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn admits(&self, version: &Version) -> Within {
        let number = &version.number;
        let pre = !number.pre.is_empty();
        let admitted = self.alternatives.iter().any(|alternative| {
            (!pre || alternative.pre_releases) && alternative.comparisons.iter().all(|c| c.admits(number))
        });
        if admitted {
            Within::Yes
        } else if pre && !self.alternatives.iter().any(|alternative| alternative.pre_releases) {
            Within::PreRelease
        } else {
            Within::No
        }
    }
}

fn alternative(text: &str) -> Result<Alternative, String> {
    let mut comparisons = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("there is nothing on one side of ||".to_owned());
    }
    loop {
        let (operator, after) = operator(rest)?;
        let (word, after) = word(after.trim_start());
        let written = after.trim_start();
        match written
            .strip_prefix('-')
            .filter(|upper| upper.starts_with(char::is_whitespace))
        {
            Some(upper) if operator.is_none() => {
                let (upper, after) = self::word(upper.trim_start());
                comparisons.push(comparison(Operator::AtLeast, word)?);
                comparisons.push(comparison(Operator::AtMost, upper)?);
                rest = after.trim_start();
            }
            _ => {
                comparisons.push(comparison(operator.unwrap_or(Operator::Equal), word)?);
                rest = written;
            }
        }
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
        } else if rest.is_empty() {
            break;
        }
    }
    Ok(Alternative {
        pre_releases: comparisons.iter().any(|c| !c.version.pre.is_empty()),
        comparisons,
    })
}

fn operator(text: &str) -> Result<(Option<Operator>, &str), String> {
    let end = text.find(|c| !"=!<>~^".contains(c)).unwrap_or(text.len());
    let (sign, rest) = text.split_at(end);
    let operator = match sign {
        "" => return Ok((None, rest)),
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        "<" => Operator::Less,
        ">=" | "=>" => Operator::AtLeast,
        "<=" | "=<" => Operator::AtMost,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        other => return Err(format!("{other:?} is not an operator")),
    };
    Ok((Some(operator), rest))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
    text.split_at(end)
}

fn comparison(operator: Operator, word: &str) -> Result<Comparison, String> {
    if word.is_empty() {
        return Err("a version is missing".to_owned());
    }
    read(word)
        .map(|(version, given)| Comparison {
            operator,
            version,
            given,
        })
        .ok_or_else(|| format!("{word:?} is not a version or part of one"))
}

fn read(word: &str) -> Option<(semver::Version, Given)> {
    let bare = word.strip_prefix('v').unwrap_or(word);
    let end = bare.find(['-', '+']).unwrap_or(bare.len());
    let (numbers, suffix) = bare.split_at(end);
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || !parts.iter().all(|part| is_wild(part) || is_number(part)) {
        return None;
    }
    let fixed: Vec<&str> = parts.into_iter().take_while(|part| !is_wild(part)).collect();
    let given = match fixed.len() {
        0 => Given::Nothing,
        1 => Given::Major,
        2 => Given::MajorMinor,
        _ => Given::All,
    };
    let number = |index: usize| fixed.get(index).map_or(Some(0), |part| part.parse().ok());
    let (pre, build) = suffix.split_once('+').unwrap_or((suffix, ""));
    if suffix.contains('+') && semver::BuildMetadata::new(build).ok()?.is_empty() {
        return None;
    }
    let pre = match pre.strip_prefix('-') {
        Some("") => return None,
        Some(pre) => Prerelease::new(pre).ok()?,
        None => Prerelease::EMPTY,
    };
    Some((
        semver::Version {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            pre,
            build: semver::BuildMetadata::EMPTY,
        },
        given,
    ))
}

fn is_wild(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

impl Comparison {
    fn admits(&self, version: &semver::Version) -> bool {
        let bound = &self.version;
        let order = version.cmp_precedence(bound);
        let major = version.major.cmp(&bound.major);
        let minor = major.then(version.minor.cmp(&bound.minor));
        match (self.operator, self.given) {
            (Operator::Equal, Given::All) => order.is_eq(),
            (Operator::Equal, _) | (Operator::Tilde, _) => self.tilde(version),
            (Operator::NotEqual, Given::Major) => major.is_ne(),
            (Operator::NotEqual, Given::MajorMinor) => minor.is_ne() || version.pre != bound.pre,
            (Operator::NotEqual, _) => order.is_ne(),
            (Operator::Greater, Given::Major) => major.is_gt(),
            (Operator::Greater, Given::MajorMinor) => minor.is_gt(),
            (Operator::Greater, _) => order.is_gt(),
            (Operator::Less, _) => order.is_lt(),
            (Operator::AtLeast, _) => order.is_ge(),
            (Operator::AtMost, Given::All) => order.is_le(),
            (Operator::AtMost, Given::Major) => major.is_le(),
            (Operator::AtMost, Given::Nothing | Given::MajorMinor) => minor.is_le(),
            (Operator::Caret, _) => self.caret(version),
        }
    }

    /// `~1.2.3` admits versions below the next minor version, `~1` versions below the next major version. As in Masterminds,
    /// `~0.0.0` admits all versions from `0.0.0` on.
    fn tilde(&self, version: &semver::Version) -> bool {
        let bound = &self.version;
        if version.cmp_precedence(bound) == Ordering::Less {
            return false;
        }
        let zero = (bound.major, bound.minor, bound.patch) == (0, 0, 0);
        match self.given {
            Given::Nothing => true,
            Given::All if zero => true,
            Given::Major => version.major == bound.major,
            Given::MajorMinor | Given::All => (version.major, version.minor) == (bound.major, bound.minor),
        }
    }

    /// Admits versions that keep the leftmost number that is not zero. As in Masterminds, a bare `^*` admits `0.0.0` only.
    fn caret(&self, version: &semver::Version) -> bool {
        let bound = &self.version;
        if version.cmp_precedence(bound) == Ordering::Less || version.major != bound.major {
            return false;
        }
        if bound.major > 0 || self.given == Given::Major {
            return true;
        }
        if version.minor != bound.minor {
            return false;
        }
        bound.minor > 0 || self.given == Given::MajorMinor || version.patch == bound.patch
    }
}
