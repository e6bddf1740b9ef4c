use super::glob::TagGlob;
use super::image_policy::{Digests, Extracted};
use super::pattern::Pattern;
use super::range::Range;
use crate::model::Tag;
use std::fmt;

/// A policy that cannot be used. The field it stands on is not bumped; nothing matches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {policy:?} cannot be used: {problem}; {remedy}")]
pub struct InvalidPolicy {
    /// The text, cut to 200 characters.
    pub policy: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// What is wrong with a part of a policy and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    problem: String,
    remedy: String,
}

impl Fault {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn of(self, policy: &str) -> InvalidPolicy {
        InvalidPolicy {
            policy: shortened(policy),
            problem: self.problem,
            remedy: self.remedy,
        }
    }
}

/// How the newest tag is chosen. The default is the newest push of all tags.
///
/// | text | which tags | order |
/// | --- | --- | --- |
/// | `*`, `glob:<pattern>`, or the bare pattern | `*` any run, `?` one character, the whole tag | push time |
/// | `regex:<re>`, `regexp:<re>` | not anchored | push time |
/// | `semver:<range>` | versions in the range | version |
/// | `numeric:<re>` | not anchored; with a capture group, a number | the captured number |
/// | `alphabetical:<re>` | not anchored; with a capture group | the captured text, by bytes |
/// | `digest:<tag>` | that one tag | what it points to now; the digest is written behind the tag |
///
/// Several capture groups are compared one after the other, the first one first.
/// [`Policy::from_image_policy`] makes one of Flux v2's ImagePolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy(pub(super) Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Glob(TagGlob),
    Regex(Pattern),
    Semver(Range),
    Numeric(Pattern),
    Alphabetical(Pattern),
    Digest(Tag),
    Extracted(Box<Extracted>),
}

impl Policy {
    /// Reads an annotation's value; blanks around it do not count.
    ///
    /// # Errors
    /// Says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let text = text.trim();
        let rule = match text.split_once(':') {
            Some(("glob", rest)) => TagGlob::parse(rest).map(Rule::Glob),
            Some(("regex" | "regexp", rest)) => Pattern::parse(rest).map(Rule::Regex),
            Some(("semver", rest)) => Range::parse(rest).map(Rule::Semver),
            Some(("numeric", rest)) => Pattern::capturing(rest).map(Rule::Numeric),
            Some(("alphabetical", rest)) => Pattern::capturing(rest).map(Rule::Alphabetical),
            Some(("digest", rest)) => Tag::parse(rest).map(Rule::Digest).map_err(|error| {
                Fault::new(
                    error.to_string(),
                    "write digest: and the one tag to follow, as in digest:stable",
                )
            }),
            Some((kind, _)) => Err(Fault::new(
                format!("{:?} is not a kind of policy", shortened(kind)),
                "write glob:, semver:, regex:, numeric:, alphabetical: or digest: before the pattern",
            )),
            None => TagGlob::parse(text).map(Rule::Glob),
        };
        rule.map(Self).map_err(|fault| fault.of(text))
    }

    /// Whether the policy orders by push time, so that nothing can be chosen where the registry tells none.
    pub fn needs_push_times(&self) -> bool {
        matches!(self.0, Rule::Glob(_) | Rule::Regex(_))
    }

    /// Whether the digest of the chosen tag is written behind it.
    pub fn digests(&self) -> Digests {
        match &self.0 {
            Rule::Digest(_) => Digests::Always,
            Rule::Extracted(extracted) => extracted.digests,
            _ => Digests::Never,
        }
    }

    /// Whether the policy names exactly `latest`.
    pub(super) fn names_latest(&self) -> bool {
        match &self.0 {
            Rule::Glob(glob) => glob.as_str().eq_ignore_ascii_case("latest"),
            Rule::Regex(pattern) => pattern.names_latest(),
            Rule::Digest(tag) => tag.as_str().eq_ignore_ascii_case("latest"),
            Rule::Extracted(extracted) => extracted.names_latest(),
            Rule::Semver(_) | Rule::Numeric(_) | Rule::Alphabetical(_) => false,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self(Rule::Glob(TagGlob::everything()))
    }
}

/// In its full spelling, so that it reads back as the same policy; an ImagePolicy in words.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Glob(glob) => write!(f, "glob:{}", glob.as_str()),
            Rule::Regex(pattern) => write!(f, "regex:{}", pattern.as_str()),
            Rule::Semver(range) => write!(f, "semver:{}", range.as_str()),
            Rule::Numeric(pattern) => write!(f, "numeric:{}", pattern.as_str()),
            Rule::Alphabetical(pattern) => write!(f, "alphabetical:{}", pattern.as_str()),
            Rule::Digest(tag) => write!(f, "digest:{tag}"),
            Rule::Extracted(extracted) => write!(f, "{extracted}"),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
