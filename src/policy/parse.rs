use super::extracted::{Digests, Extracted};
use super::fault::{Fault, InvalidPolicy, shortened};
use super::follow::Follow;
use super::glob::TagGlob;
use super::pattern::Pattern;
use super::range::Range;
use crate::model::Tag;
use std::fmt;

/// How the newest tag is chosen. The default is the newest push of all tags.
///
/// | text | matching tags | order |
/// | --- | --- | --- |
/// | `*`, `glob:<pattern>`, or the bare pattern | `*` any run, `?` one character, the whole tag | push time |
/// | `regex:<re>`, `regexp:<re>` | not anchored | push time |
/// | `semver:<range>` | versions in the range | version |
/// | `numeric:<re>` | not anchored; with a capture group, a number | the captured number |
/// | `alphabetical:<re>` | not anchored; with a capture group | the captured text, by bytes |
/// | `digest:<tag>` | this one tag | none: the digest that the tag points to is written behind the tag |
/// | `follow:<file>#<kind>/<name>/<field> after <age>` | the tag of another field that has run well for so long | push time |
///
/// Several capture groups are compared one after the other, the first group first.
/// [`Policy::from_image_policy`] makes a policy from an ImagePolicy of Flux v2.
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
    Follow(Box<Follow>),
}

impl Policy {
    /// Reads the value of an annotation. Blanks around the value and around its colon do not count.
    ///
    /// # Errors
    /// The text is not a policy. The error says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let text = text.trim();
        let parts = text
            .split_once(':')
            .map(|(kind, rest)| (kind.trim_end(), rest.trim_start()));
        let rule = match parts {
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
            Some(("follow", rest)) => Follow::parse(rest).map(|follow| Rule::Follow(Box::new(follow))),
            Some((kind, _)) => Err(Fault::new(
                format!("{:?} is not a kind of policy", shortened(kind)),
                "write glob:, semver:, regex:, numeric:, alphabetical:, digest: or follow: before the pattern",
            )),
            None => TagGlob::parse(text).map(Rule::Glob),
        };
        rule.map(Self).map_err(|fault| fault.of(text))
    }

    /// Whether the policy orders by push time. Such a policy chooses nothing where the registry reports no push times.
    pub fn needs_push_times(&self) -> bool {
        matches!(self.0, Rule::Glob(_) | Rule::Regex(_))
    }

    /// When the digest of the chosen tag is written behind the tag.
    pub fn digests(&self) -> Digests {
        match &self.0 {
            Rule::Digest(_) => Digests::Always,
            Rule::Extracted(extracted) => extracted.digests,
            _ => Digests::Never,
        }
    }

    /// The policy that takes exactly this tag.
    pub fn only(tag: &Tag) -> Self {
        // A tag has no characters that mean something in a glob.
        Self::parse(&format!("glob:{tag}")).unwrap_or_default()
    }

    /// The other field that the policy follows, if it follows one. Such a policy admits no tag by itself: whoever knows the
    /// other field asks with [`Policy::only`] in its place.
    pub fn follows(&self) -> Option<&Follow> {
        match &self.0 {
            Rule::Follow(follow) => Some(follow),
            _ => None,
        }
    }

    /// Whether an ImagePolicy of Flux v2 describes the policy.
    pub fn is_image_policy(&self) -> bool {
        matches!(self.0, Rule::Extracted(_))
    }

    /// Whether the policy names exactly `latest`.
    pub(super) fn names_latest(&self) -> bool {
        match &self.0 {
            Rule::Glob(glob) => glob.as_str().eq_ignore_ascii_case("latest"),
            Rule::Regex(pattern) => pattern.names_latest(),
            Rule::Digest(tag) => tag.as_str().eq_ignore_ascii_case("latest"),
            Rule::Extracted(extracted) => extracted.names_latest(),
            Rule::Semver(_) | Rule::Numeric(_) | Rule::Alphabetical(_) | Rule::Follow(_) => false,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self(Rule::Glob(TagGlob::everything()))
    }
}

/// The full spelling, which [`Policy::parse`] reads back as the same policy; an ImagePolicy is described in words.
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
            Rule::Follow(follow) => write!(f, "follow:{follow}"),
        }
    }
}
