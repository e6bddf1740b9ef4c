use super::fault::Fault;
use super::version::Version;
use semver::Prerelease;
use std::cmp::Ordering;

/// Longest range that is read; people write twenty characters.
const LONGEST: usize = 256;

/// A version range in the dialect of Masterminds semver v3, which Flux (v1 and v2) and Helm use: alternatives by `||`,
/// within one all comparisons hold, separated by blanks or commas.
///
/// Where it differs from Masterminds 3.5, whose hyphen ranges are rewritten as text first: a hyphen range may follow another
/// comparison (there an error), must be followed by a blank or comma (there not), and stands beside `||` without blanks
/// as it does with them (there the neighbour is torn apart); a single `|` is an error (there part of a number), and so is
/// what mixes digits and a wildcard, as `1.x2` (there passed over behind a wildcard).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    text: String,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    comparisons: Vec<Comparison>,
    /// Whether a comparison names a pre-release: only then do pre-releases match this alternative.
    pre_releases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: semver::Version,
    given: Given,
}

/// How much of a comparison's version is written before the first `x` or the end.
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

/// How a version stands to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Yes,
    No,
    /// It is a pre-release, and the range names none.
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
        let wanted = &self.version;
        let order = version.cmp_precedence(wanted);
        let major = version.major.cmp(&wanted.major);
        let minor = major.then(version.minor.cmp(&wanted.minor));
        match (self.operator, self.given) {
            (Operator::Equal, Given::All) => order.is_eq(),
            (Operator::Equal, _) | (Operator::Tilde, _) => self.tilde(version),
            (Operator::NotEqual, Given::Major) => major.is_ne(),
            (Operator::NotEqual, Given::MajorMinor) => minor.is_ne() || version.pre != wanted.pre,
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

    /// `~1.2.3` is up to the next minor version, `~1` up to the next major one. `~0.0.0` admits everything from there on,
    /// as Masterminds has it.
    fn tilde(&self, version: &semver::Version) -> bool {
        let wanted = &self.version;
        if version.cmp_precedence(wanted) == Ordering::Less {
            return false;
        }
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        match self.given {
            Given::Nothing => true,
            Given::All if zero => true,
            Given::Major => version.major == wanted.major,
            Given::MajorMinor | Given::All => (version.major, version.minor) == (wanted.major, wanted.minor),
        }
    }

    /// Up to the next change of the leftmost number that is not zero. A bare `^*` stays at `0.0.0`, as Masterminds has it.
    fn caret(&self, version: &semver::Version) -> bool {
        let wanted = &self.version;
        if version.cmp_precedence(wanted) == Ordering::Less || version.major != wanted.major {
            return false;
        }
        if wanted.major > 0 || self.given == Given::Major {
            return true;
        }
        if version.minor != wanted.minor {
            return false;
        }
        wanted.minor > 0 || self.given == Given::MajorMinor || version.patch == wanted.patch
    }
}
