use super::candidate::Candidate;
use super::extracted::{Extracted, PartOrder};
use super::parse::{Policy, Rule};
use super::pattern::{Number, Pattern};
use super::range::{Range, Within};
use super::reasons::Reasons;
use super::version::{NotAVersion, Version};
use crate::model::Tag;
use std::cmp::Ordering;

/// The part of a tag that a policy orders by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Measure {
    Version(Version),
    Number(Number),
    Text(String),
    /// The captures of several groups, the first group first. A group without a capture is the least.
    Several(Vec<Option<Measure>>),
    /// The wrapped measure in reverse: the least is the newest.
    Reversed(Box<Measure>),
}

impl Measure {
    /// Compares two measures of one policy, which are of one kind. The greater measure is the newer one.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Version(a), Self::Version(b)) => a.order(b),
            (Self::Number(a), Self::Number(b)) => a.order(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Several(a), Self::Several(b)) => several(a, b),
            (Self::Reversed(a), Self::Reversed(b)) => b.order(a),
            _ => Ordering::Equal,
        }
    }

    /// Whether `self` is newer than `other`. Two spellings of one version are equally new.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Version(a), Self::Version(b)) => a.is_higher_than(b),
            _ => self.order(other) == Ordering::Greater,
        }
    }
}

fn several(ours: &[Option<Measure>], theirs: &[Option<Measure>]) -> Ordering {
    let pairs = ours.iter().zip(theirs);
    pairs
        .map(|pair| match pair {
            (Some(ours), Some(theirs)) => ours.order(theirs),
            (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A candidate with what a policy orders by.
#[derive(Clone)]
pub(super) struct Ranked<'a> {
    pub(super) candidate: &'a Candidate,
    measure: Option<Measure>,
}

impl<'a> Ranked<'a> {
    pub(super) fn new(policy: &Policy, candidate: &'a Candidate) -> Self {
        Self {
            candidate,
            measure: policy.measure(&candidate.tag),
        }
    }

    fn version(&self) -> Option<Version> {
        Version::parse(self.candidate.tag.as_str()).ok()
    }

    /// The order of the tags, newest first: `Less` means that `self` comes before `other`. Only equal tags are equal.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let names = || other.candidate.tag.cmp(&self.candidate.tag);
        let measures = newest_first(self.measure.as_ref(), other.measure.as_ref(), Measure::order);
        match (&self.measure, &other.measure) {
            (Some(Measure::Version(_)), Some(_)) => measures.then_with(names),
            _ => measures
                .then_with(|| {
                    newest_first(
                        self.candidate.pushed_at.as_ref(),
                        other.candidate.pushed_at.as_ref(),
                        Ord::cmp,
                    )
                })
                .then_with(|| newest_first(self.version().as_ref(), other.version().as_ref(), Version::order))
                .then_with(names),
        }
    }
}

impl Extracted {
    /// Reads an extracted part as the measure that the policy orders by.
    fn measure(&self, part: &str) -> Result<Measure, String> {
        let turned = |measure, descending| match descending {
            true => Measure::Reversed(Box::new(measure)),
            false => measure,
        };
        match &self.order {
            PartOrder::Semver(_) => {
                let version = version(part, Reasons::Written)?;
                if !version.is_complete() {
                    return Err(format!(
                        "is not a version with three numbers, as {part:?} would have to be"
                    ));
                }
                Ok(Measure::Version(version))
            }
            PartOrder::Numerical { descending } => Ok(turned(Measure::Number(number(part)?), *descending)),
            PartOrder::Alphabetical { descending } => Ok(turned(Measure::Text(part.to_owned()), *descending)),
        }
    }
}

fn number(part: &str) -> Result<Number, String> {
    Number::parse(part).ok_or_else(|| format!("{part:?}, the part to order by, is not a number"))
}

/// Reads what the groups captured in a tag as a measure. `None`: the groups captured nothing.
fn captured(
    pattern: &Pattern,
    tag: &str,
    read: impl Fn(&str) -> Result<Measure, String>,
) -> Option<Result<Measure, String>> {
    let parts = pattern.parts(tag)?;
    let mut measures = Vec::with_capacity(parts.len());
    for part in parts {
        match part.map(&read).transpose() {
            Ok(measure) => measures.push(measure),
            Err(reason) => return Some(Err(reason)),
        }
    }
    match measures.as_mut_slice() {
        [Some(_)] => measures.pop().flatten().map(Ok),
        _ => Some(Ok(Measure::Several(measures))),
    }
}

fn version(text: &str, reasons: Reasons) -> Result<Version, String> {
    Version::parse(text).map_err(|error| {
        let reason = match error {
            NotAVersion::Grammar => "is not a version",
            NotAVersion::LooksLikeCommitId => {
                "is not a version: seven or more digits without a dot are taken for a commit id"
            }
        };
        reasons.write(|| reason.to_owned())
    })
}

fn within(range: &Range, version: &Version, reasons: Reasons) -> Result<(), String> {
    let text = range.as_str();
    match range.admits(version) {
        Within::Yes => Ok(()),
        Within::No => Err(reasons.write(|| format!("is outside the range {text}"))),
        Within::PreRelease => Err(reasons
            .write(|| format!("is a pre-release and the range {text} names none (one with -0, as in >=1.2-0, does)"))),
    }
}

fn newest_first<T>(a: Option<&T>, b: Option<&T>, order: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => order(b, a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

impl Policy {
    /// The part of a tag that this policy orders by. `None`: the policy orders by push time, or the tag does not have the part.
    pub(super) fn measure(&self, tag: &Tag) -> Option<Measure> {
        match &self.0 {
            Rule::Glob(_) | Rule::Regex(_) | Rule::Digest(_) | Rule::Follow(_) => None,
            Rule::Semver(_) => Version::parse(tag.as_str()).ok().map(Measure::Version),
            Rule::Numeric(_) | Rule::Alphabetical(_) => self.captured(tag)?.ok(),
            Rule::Extracted(extracted) => extracted.measure(&extracted.part(tag.as_str())?).ok(),
        }
    }

    /// Why push times alone decide between a current tag that the policy cannot order or does not take, such as `latest`, and a
    /// tag that it does, and what ends that; `None` where the policy treats both alike. A current tag that is pushed again and
    /// again is never older than a release, so that the field would stay for ever.
    pub(super) fn cannot_order(&self, current: &Tag, tag: &Tag) -> Option<String> {
        if matches!(self.0, Rule::Glob(_) | Rule::Regex(_)) {
            let only_one = self.admits(current).is_err() && self.admits(tag).is_ok();
            return only_one.then(|| {
                format!("{self} does not take {current}: write a tag that the policy takes into the file once")
            });
        }
        let example = match (self.measure(current), self.measure(tag)?) {
            (Some(_), _) => return None,
            (None, Measure::Version(_)) => "a version",
            (None, _) => "a tag that the policy orders",
        };
        Some(format!(
            "{self} cannot order {current}: write {example} into the file once"
        ))
    }

    /// What the groups of `numeric:` and `alphabetical:` captured in a tag.
    fn captured(&self, tag: &Tag) -> Option<Result<Measure, String>> {
        match &self.0 {
            Rule::Numeric(pattern) => captured(pattern, tag.as_str(), |part| number(part).map(Measure::Number)),
            Rule::Alphabetical(pattern) => captured(pattern, tag.as_str(), |part| Ok(Measure::Text(part.to_owned()))),
            _ => None,
        }
    }

    /// Whether the policy admits a tag, by its name alone. The error is the reason against the tag.
    pub(super) fn admits(&self, tag: &Tag) -> Result<(), String> {
        self.admission(tag, Reasons::Written)
    }

    /// As [`admits`](Self::admits), with or without the reason.
    pub(super) fn admission(&self, tag: &Tag, reasons: Reasons) -> Result<(), String> {
        let name = tag.as_str();
        if name.eq_ignore_ascii_case("latest") && !self.names_latest() {
            return Err(reasons.write(|| format!("{name} is a candidate only if the policy names it (glob:{name})")));
        }
        let admitted = match &self.0 {
            Rule::Glob(glob) => glob.matches(name),
            Rule::Regex(pattern) => pattern.matches(name),
            Rule::Digest(followed) => followed == tag,
            Rule::Follow(_) => false,
            Rule::Numeric(_) | Rule::Alphabetical(_) => self.captured(tag).transpose()?.is_some(),
            Rule::Semver(range) => {
                within(range, &version(name, reasons)?, reasons)?;
                true
            }
            Rule::Extracted(extracted) => {
                if let Some(pattern) = extracted.excluded_by(name) {
                    let list = "as the ImageRepository's exclusionList has it";
                    return Err(reasons.write(|| format!("is excluded by {pattern:?}, {list}")));
                }
                let Some(part) = extracted.part(name) else {
                    return Err(reasons.write(|| format!("does not match the filter of {self}")));
                };
                let measure = extracted.measure(&part)?;
                if let (PartOrder::Semver(range), Measure::Version(version)) = (&extracted.order, &measure) {
                    within(range, version, reasons)?;
                }
                true
            }
        };
        if admitted {
            Ok(())
        } else {
            Err(reasons.write(|| format!("does not match {self}")))
        }
    }

    /// Whether `tag` is newer than `other` by the names of the tags alone. The names are compared by the part that this policy
    /// orders by. A policy by push time compares them as versions, and finds nothing newer if one of them is not a version.
    pub fn is_newer_by_name(&self, tag: &Tag, other: &Tag) -> bool {
        let measure = |tag| {
            if self.needs_push_times() {
                Version::parse(Tag::as_str(tag)).ok().map(Measure::Version)
            } else {
                self.measure(tag)
            }
        };
        match (measure(tag), measure(other)) {
            (Some(a), Some(b)) => a.is_newer_than(&b),
            _ => false,
        }
    }
}
