use crate::manifest::image_field::MarkerPolicy;
use crate::manifest::read::image_site::Problem;
use crate::manifest::yaml::line_table::LineTable;
use crate::model::{ImageRef, Position};
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// The part of an image that a marker's value contains.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Whole,
    /// A tag, and its repository if the marker names it.
    Tag(Option<String>),
    Name,
    Digest,
}

/// A comment that declares the value on its line to be an image, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct MarkerComment {
    pub part: Part,
    pub policy: MarkerPolicy,
    pub position: Position,
    /// The bytes of the file from the start of the comment's line to its `#`.
    pub before: Range<usize>,
    /// Whether a value was found for the comment.
    pub used: bool,
}

impl MarkerComment {
    /// A problem with the marker. `reason` continues the sentence "this marker …".
    pub(crate) fn problem(&self, reason: &str) -> Problem {
        Problem {
            position: self.position,
            message: format!("this marker {reason}"),
        }
    }

    /// Whether the marker is one of `tidegate.dev`, and not one of Flux.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.policy, MarkerPolicy::Text(_))
    }
}

const IMAGE_MARKER: &str = "tidegate.dev/image:";
const TAG_MARKER: &str = "tidegate.dev/tag of ";
const FLUX_MARKER: &str = "\"$imagepolicy\"";
/// How a comment begins that is meant as a marker of `tidegate.dev`.
const INCOMPLETE_MARKERS: [&str; 2] = ["tidegate.dev/image", "tidegate.dev/tag"];

/// Whether a file may have markers. The check does not parse the file.
pub(crate) fn may_have_markers(bytes: &[u8]) -> bool {
    static SIGN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"tidegate\.dev/|"\$imagepolicy""#).expect("the pattern is a constant"));
    SIGN.is_match(bytes)
}

/// The markers of a text, and the problems with comments that are meant as markers. `offset` is the number of bytes in
/// the file before the text.
pub(crate) fn find(text: &str, offset: usize) -> (Vec<MarkerComment>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let lines = LineTable::new(text);
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        if let Some((at, comment)) = marker_in(line) {
            let position = lines.position(text, start + at);
            match parse(comment) {
                Ok((part, policy)) => found.push(MarkerComment {
                    part,
                    policy,
                    position,
                    before: start + offset..start + offset + at,
                    used: false,
                }),
                Err(message) => problems.push(Problem { position, message }),
            }
        }
        start += line.len();
    }
    (found, problems)
}

/// The first comment of a line that is meant as a marker: the index of its `#`, and its text.
fn marker_in(line: &str) -> Option<(usize, &str)> {
    line.match_indices('#').find_map(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let comment = line.get(at + 1..).unwrap_or_default().trim();
        let is_marker = comment.starts_with(IMAGE_MARKER)
            || comment.starts_with(TAG_MARKER)
            || !before.trim().is_empty() && is_incomplete(comment)
            || comment.starts_with('{') && comment.contains(FLUX_MARKER);
        (is_marker && (before.is_empty() || before.ends_with([' ', '\t']))).then_some((at, comment))
    })
}

/// Whether a comment behind a value begins like a marker of `tidegate.dev`. `tidegate.dev/image.web: …` is not a marker
/// but an annotation that somebody commented out.
fn is_incomplete(comment: &str) -> bool {
    let rest = INCOMPLETE_MARKERS.iter().find_map(|name| comment.strip_prefix(name));
    rest.is_some_and(|rest| !rest.starts_with(['.', '-']))
}

/// Parses a marker comment.
///
/// # Errors
/// What is wrong with the comment, and how a marker is written.
fn parse(comment: &str) -> Result<(Part, MarkerPolicy), String> {
    if let Some(policy) = comment.strip_prefix(IMAGE_MARKER) {
        return Ok((Part::Whole, MarkerPolicy::Text(policy.trim().to_owned())));
    }
    if let Some(rest) = comment.strip_prefix(TAG_MARKER) {
        return parse_tag_marker(rest);
    }
    if is_incomplete(comment) {
        return Err("this marker cannot be read; write # tidegate.dev/image: <policy>, or # tidegate.dev/tag of <repository>: <policy> behind a tag that has no repository in the same map".to_owned());
    }
    parse_flux_marker(comment).ok_or_else(|| {
        "this marker cannot be read; write # {\"$imagepolicy\": \"namespace:name\"}, and append :tag, :name or :digest to the name if the value is that part only".to_owned()
    })
}

/// Parses `<repository>: <policy>`.
fn parse_tag_marker(text: &str) -> Result<(Part, MarkerPolicy), String> {
    let (repository, policy) = text
        .split_once(": ")
        .or(text.strip_suffix(':').map(|name| (name, "")))
        .ok_or("this marker has no policy; write # tidegate.dev/tag of <repository>: <policy>")?;
    let image = ImageRef::parse(repository.trim())
        .ok()
        .filter(|image| image.tag().is_none() && image.digest().is_none())
        .ok_or_else(|| format!("{repository:?} in this marker is not a repository; write registry/name"))?;
    let policy = MarkerPolicy::Text(policy.trim().to_owned());
    Ok((Part::Tag(Some(image.name().to_owned())), policy))
}

/// Parses `{"$imagepolicy": "<namespace>:<name>[:tag|:name|:digest]"}`.
fn parse_flux_marker(text: &str) -> Option<(Part, MarkerPolicy)> {
    let marker: serde_json::Value = serde_json::from_str(text).ok()?;
    let value = marker.get("$imagepolicy")?.as_str()?;
    let (namespace, name, part) = match value.split(':').collect::<Vec<_>>()[..] {
        [namespace, name] => (namespace, name, Part::Whole),
        [namespace, name, "tag"] => (namespace, name, Part::Tag(None)),
        [namespace, name, "name"] => (namespace, name, Part::Name),
        [namespace, name, "digest"] => (namespace, name, Part::Digest),
        _ => return None,
    };
    (!namespace.is_empty() && !name.is_empty()).then(|| {
        let policy = MarkerPolicy::ImagePolicy {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        (part, policy)
    })
}

/// The problems with markers that stand behind no value.
pub(crate) fn unused(comments: &[MarkerComment]) -> Vec<Problem> {
    let unused = comments.iter().filter(|comment| !comment.used);
    unused
        .map(|comment| comment.problem("is not behind a value that is written in one line; move it behind the value"))
        .collect()
}
