use super::parse::{Fault, InvalidPolicy, Policy, Rule};
use super::pattern::Pattern;
use super::range::Range;
use serde_json::Value;
use std::fmt;

/// Whether the digest of the chosen tag is written behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digests {
    /// Only the tag is written.
    #[default]
    Never,
    /// With a new tag, and where the file has none; not when the tag moves to another image.
    IfAbsent,
    /// As before, and also when the tag moves to another image.
    Always,
}

/// Flux v2's ImagePolicy on our engine: tags are filtered, a part is extracted, and the part is put in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extracted {
    filter: Option<Pattern>,
    extract: Option<String>,
    pub(super) order: PartOrder,
    pub(super) digests: Digests,
    /// The ImageRepository's `exclusionList`.
    exclude: Vec<Pattern>,
}

/// What `exclusionList` is where an ImageRepository says nothing: cosign's signatures.
const EXCLUDED: &str = r"^.*\.sig$";
/// Longest `exclusionList`, as Flux has it.
const MOST_EXCLUDED: usize = 25;

/// How the extracted parts are put in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartOrder {
    Semver(Range),
    /// By value; descending: the least is the newest.
    Numerical {
        descending: bool,
    },
    /// By bytes; descending: the least is the newest.
    Alphabetical {
        descending: bool,
    },
}

impl Extracted {
    /// The part of a tag that is put in order; none where the filter does not let the tag in.
    pub(super) fn part(&self, tag: &str) -> Option<String> {
        match (&self.filter, &self.extract) {
            (None, _) => Some(tag.to_owned()),
            (Some(filter), None) => filter.matches(tag).then(|| tag.to_owned()),
            (Some(filter), Some(extract)) => filter.expand(tag, extract),
        }
    }

    /// The expression that keeps a tag out, if one does.
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

impl Policy {
    /// The policy that a Flux v2 ImagePolicy (`image.toolkit.fluxcd.io`, any version) stands for: `spec.filterTags` with
    /// `pattern` and `extract`, one of `spec.policy.semver.range`, `.numerical.order` and `.alphabetical.order`, and
    /// `spec.digestReflectionPolicy`.
    ///
    /// As there, versions need all three numbers, `asc` takes the last and `desc` the first. Our own rules hold besides:
    /// `latest` only where the filter names exactly it, never to an older image, and one tag that is no number spoils
    /// only itself.
    ///
    /// # Errors
    /// Says which field cannot be used and what to write instead; also where the ImagePolicy is suspended.
    pub fn from_image_policy(object: &Value) -> Result<Self, InvalidPolicy> {
        let name = name(object);
        extracted(object)
            .map(|extracted| Self(Rule::Extracted(Box::new(extracted))))
            .map_err(|fault| fault.of(&format!("ImagePolicy {name}")))
    }

    /// The same over a Flux v2 ImageRepository: what its `spec.exclusionList` matches anywhere is no candidate. Where nothing
    /// is written, and without an ImageRepository, that is `^.*\.sig$`; an empty list excludes nothing.
    ///
    /// # Errors
    /// Says what of the list cannot be used and what to write instead.
    pub fn over_image_repository(self, object: &Value) -> Result<Self, InvalidPolicy> {
        let Rule::Extracted(mut extracted) = self.0 else {
            return Ok(self);
        };
        let name = name(object);
        match object.pointer("/spec/exclusionList") {
            None | Some(Value::Null) => {}
            Some(list) => {
                extracted.exclude = excluded(list).map_err(|fault| fault.of(&format!("ImageRepository {name}")))?
            }
        }
        Ok(Self(Rule::Extracted(extracted)))
    }
}

/// `namespace/name`, or the name alone where no namespace is written.
fn name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or("?");
    match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn excluded(list: &Value) -> Result<Vec<Pattern>, Fault> {
    let wrong = |problem: &str| {
        Fault::new(
            format!("spec.exclusionList {problem}"),
            "write a list of expressions in quotes",
        )
    };
    let list = list.as_array().ok_or_else(|| wrong("is no list"))?;
    if list.len() > MOST_EXCLUDED {
        return Err(wrong("has more than 25 expressions"));
    }
    let pattern = |text: &Value| Pattern::parse(text.as_str().ok_or_else(|| wrong("has an entry that is not text"))?);
    list.iter().map(pattern).collect()
}

fn extracted(object: &Value) -> Result<Extracted, Fault> {
    let text = |pointer: &str| match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            Err(Fault::new(format!("{field} is not text"), "write it in quotes"))
        }
    };
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Err(Fault::new("it is suspended", "remove spec.suspend"));
    }
    let filter = text("/spec/filterTags/pattern")?.map(Pattern::parse).transpose()?;
    let extract = text("/spec/filterTags/extract")?.map(str::to_owned);
    if filter.is_none() && extract.is_some() {
        return Err(Fault::new(
            "spec.filterTags.extract stands without a pattern",
            "write spec.filterTags.pattern, with a group that the extract names",
        ));
    }
    let kinds = ["semver", "numerical", "alphabetical"];
    let written: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| {
            object
                .pointer(&format!("/spec/policy/{kind}"))
                .is_some_and(|value| !value.is_null())
        })
        .collect();
    let descending = |pointer: &str| match text(pointer)? {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(other) => Err(Fault::new(format!("{other:?} is not an order"), "write asc or desc")),
    };
    let order = match written.as_slice() {
        ["semver"] => PartOrder::Semver(Range::parse(text("/spec/policy/semver/range")?.unwrap_or_default())?),
        ["numerical"] => PartOrder::Numerical {
            descending: descending("/spec/policy/numerical/order")?,
        },
        ["alphabetical"] => PartOrder::Alphabetical {
            descending: descending("/spec/policy/alphabetical/order")?,
        },
        _ => {
            return Err(Fault::new(
                format!("spec.policy names {} orders", written.len()),
                "write exactly one of semver, numerical and alphabetical",
            ));
        }
    };
    let digests = match text("/spec/digestReflectionPolicy")? {
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
    Ok(Extracted {
        filter,
        extract,
        order,
        digests,
        exclude: vec![Pattern::parse(EXCLUDED)?],
    })
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
