//! The ImagePolicy of Flux v2: it filters the tags, extracts a part from each tag, and orders the tags by these parts.

use super::fault::Fault;
use super::pattern::Pattern;
use super::range::Range;
use serde_json::Value;
use std::fmt;

/// When the digest of the chosen tag is written behind the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digests {
    /// Never: only the tag is written.
    #[default]
    Never,
    /// With a new tag, and if the file has no digest. The digest stays when the tag moves to another image.
    IfAbsent,
    /// As [`Digests::IfAbsent`], and also when the tag moves to another image.
    Always,
}

/// An ImagePolicy of Flux v2, with the exclusions of its ImageRepository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extracted {
    filter: Option<Pattern>,
    extract: Option<String>,
    pub(super) order: PartOrder,
    pub(super) digests: Digests,
    /// The ImageRepository's `exclusionList`.
    pub(super) exclude: Vec<Pattern>,
}

/// The `exclusionList` of an ImageRepository that does not set one. It excludes the signatures of cosign.
const EXCLUDED: &str = r"^.*\.sig$";
/// The most entries that Flux accepts in an `exclusionList`.
const MOST_EXCLUDED: usize = 25;

/// How the extracted parts are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartOrder {
    /// By version, higher first. A version outside the range is not admitted.
    Semver(Range),
    /// By value. Descending: the least value is the newest.
    Numerical { descending: bool },
    /// By bytes. Descending: the least text is the newest.
    Alphabetical { descending: bool },
}

impl Extracted {
    /// The part of a tag to order by; `None` if the filter does not match the tag.
    pub(super) fn part(&self, tag: &str) -> Option<String> {
        match (&self.filter, &self.extract) {
            (None, _) => Some(tag.to_owned()),
            (Some(filter), None) => filter.matches(tag).then(|| tag.to_owned()),
            (Some(filter), Some(extract)) => filter.expand(tag, extract),
        }
    }

    /// The first expression of the exclusion list that matches a tag.
    pub(super) fn excluded_by(&self, tag: &str) -> Option<&str> {
        self.exclude
            .iter()
            .find(|pattern| pattern.matches(tag))
            .map(Pattern::as_str)
    }

    pub(super) fn names_latest(&self) -> bool {
        self.filter.as_ref().is_some_and(Pattern::names_latest)
    }
}

/// Reads `spec.exclusionList` of an ImageRepository.
pub(super) fn excluded(list: &Value) -> Result<Vec<Pattern>, Fault> {
    let wrong = |problem: &str| {
        Fault::new(
            format!("spec.exclusionList {problem}"),
            "write a list of expressions in quotes",
        )
    };
    let list = list.as_array().ok_or_else(|| wrong("is not a list"))?;
    if list.len() > MOST_EXCLUDED {
        return Err(wrong("has more than 25 expressions"));
    }
    let pattern = |text: &Value| {
        Pattern::parse(
            text.as_str()
                .ok_or_else(|| wrong("has an entry that is not a string"))?,
        )
    };
    list.iter().map(pattern).collect()
}

impl Extracted {
    /// Reads the `spec` of an ImagePolicy.
    pub(super) fn read(object: &Value) -> Result<Self, Fault> {
        if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
            return Err(Fault::new("it is suspended", "remove spec.suspend"));
        }
        let filter = text(object, "/spec/filterTags/pattern")?
            .map(Pattern::parse)
            .transpose()?;
        let extract = text(object, "/spec/filterTags/extract")?.map(str::to_owned);
        if filter.is_none() && extract.is_some() {
            return Err(Fault::new(
                "spec.filterTags.extract has no pattern to extract from",
                "write spec.filterTags.pattern, with a group that the extract names",
            ));
        }
        let digests = match text(object, "/spec/digestReflectionPolicy")? {
            None | Some("Never") => Digests::Never,
            Some("IfNotPresent") => Digests::IfAbsent,
            Some("Always") => Digests::Always,
            Some(other) => {
                return Err(Fault::new(
                    format!("spec.digestReflectionPolicy is {other:?}"),
                    "write Never, IfNotPresent or Always",
                ));
            }
        };
        Ok(Self {
            filter,
            extract,
            order: order(object)?,
            digests,
            exclude: vec![Pattern::parse(EXCLUDED)?],
        })
    }
}

/// A field that holds a string; `None` if the field is absent or empty.
fn text<'o>(object: &'o Value, pointer: &str) -> Result<Option<&'o str>, Fault> {
    match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            Err(Fault::new(format!("{field} is not a string"), "write it in quotes"))
        }
    }
}

/// The order below `spec.policy`, which must have exactly one.
fn order(object: &Value) -> Result<PartOrder, Fault> {
    let is_set = |kind: &&str| {
        let value = object.pointer(&format!("/spec/policy/{kind}"));
        value.is_some_and(|value| !value.is_null())
    };
    let kinds: Vec<&str> = ["semver", "numerical", "alphabetical"]
        .into_iter()
        .filter(is_set)
        .collect();
    let descending = |pointer: &str| match text(object, pointer)? {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(other) => Err(Fault::new(format!("{other:?} is not an order"), "write asc or desc")),
    };
    match kinds.as_slice() {
        ["semver"] => {
            let range = text(object, "/spec/policy/semver/range")?.unwrap_or_default();
            Ok(PartOrder::Semver(Range::parse(range)?))
        }
        ["numerical"] => Ok(PartOrder::Numerical {
            descending: descending("/spec/policy/numerical/order")?,
        }),
        ["alphabetical"] => Ok(PartOrder::Alphabetical {
            descending: descending("/spec/policy/alphabetical/order")?,
        }),
        kinds => Err(Fault::new(
            format!("spec.policy names {} orders", kinds.len()),
            "write exactly one of semver, numerical and alphabetical",
        )),
    }
}

/// `semver ^1 of $v in ^main-(?<v>.*)$`.
impl fmt::Display for Extracted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = |descending: bool| if descending { "desc" } else { "asc" };
        match &self.order {
            PartOrder::Semver(range) => write!(f, "semver {}", range.as_str())?,
            PartOrder::Numerical { descending } => write!(f, "numerical {}", order(*descending))?,
            PartOrder::Alphabetical { descending } => write!(f, "alphabetical {}", order(*descending))?,
        }
        match (&self.filter, &self.extract) {
            (Some(filter), Some(extract)) => write!(f, " of {extract} in {}", filter.as_str()),
            (Some(filter), None) => write!(f, " of {}", filter.as_str()),
            (None, _) => Ok(()),
        }
    }
}
