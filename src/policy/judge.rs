//! The verdict about one tag.

use super::artefact;
use super::candidate::Candidate;
use super::extracted::Digests;
use super::order::Measure;
use super::parse::Policy;
use super::question::Question;
use super::reasons::Reasons;
use super::verdict::Eligibility;
use super::version::Version;
use crate::model::Tag;
use jiff::Timestamp;
use std::cell::Cell;

/// What is known about the current tag.
pub(super) struct Current<'a> {
    pub(super) tag: &'a Tag,
    /// The image in the file as the registry lists it.
    listed: Option<&'a Candidate>,
    /// The part of the tag that the policy orders by.
    measure: Option<Measure>,
    /// The version that the tag is, if it is one.
    version: Option<Version>,
    /// When the tag was written into the file.
    since: Option<Timestamp>,
    /// Whether a judgement rests on `since`.
    rests_on_since: Cell<bool>,
}

impl<'a> Current<'a> {
    /// What is known about the current tag of a question; `None` if the file has no tag.
    pub(super) fn of(question: &Question<'a>) -> Option<Self> {
        let tag = question.current?;
        Some(Self {
            tag,
            listed: listed(question, tag),
            measure: question.policy.measure(tag),
            version: Version::parse(tag.as_str()).ok(),
            since: question.current_since,
            rests_on_since: Cell::new(false),
        })
    }

    /// Whether a judgement so far rests on the time at which the tag was written into the file.
    pub(super) fn rests_on_since(&self) -> bool {
        self.rests_on_since.get()
    }

    fn since(&self) -> Option<Timestamp> {
        self.rests_on_since.set(true);
        self.since
    }
}

/// The candidate that is the image in the file. Of several tags on one digest, the tag in the file counts, or else the tag that
/// was pushed last, in whatever order the registry lists them.
fn listed<'a>(question: &Question<'a>, tag: &Tag) -> Option<&'a Candidate> {
    let mut candidates = question.candidates.iter();
    match question.digest {
        Some(digest) => candidates
            .filter(|candidate| candidate.digest.as_ref() == Some(digest))
            .max_by_key(|candidate| (candidate.tag == *tag, candidate.pushed_at, &candidate.tag)),
        None => candidates.find(|candidate| candidate.tag == *tag),
    }
}

/// Judges one tag.
pub(super) fn judge(
    question: &Question<'_>,
    current: Option<&Current<'_>>,
    candidate: &Candidate,
    reasons: Reasons,
) -> (Eligibility, String) {
    let same = current.is_some_and(|current| *current.tag == candidate.tag);
    if same
        && !question.is_renamed
        && let Some(reason) = settled(question, candidate)
    {
        return (Eligibility::Current, reasons.write(|| reason.to_owned()));
    }
    let verdict =
        usable(question, candidate, reasons).and_then(|()| is_newer(question, current, candidate, same, reasons));
    match verdict {
        Err(verdict) => verdict,
        Ok(reason) => match (question.free)(candidate) {
            Ok(()) => (Eligibility::Eligible, reason),
            Err(refusal) => (Eligibility::Held, refusal),
        },
    }
}

/// Whether the tag is a candidate at all, whatever the current tag is.
fn usable(question: &Question<'_>, candidate: &Candidate, reasons: Reasons) -> Result<(), (Eligibility, String)> {
    if let Some(artefact) = artefact::not_an_image(candidate) {
        let reason = reasons.write(|| format!("is {artefact}, not an image"));
        return Err((Eligibility::Unusable, reason));
    }
    let policy = question.policy;
    policy
        .admission(&candidate.tag, reasons)
        .map_err(|reason| (Eligibility::Unmatched, reason))?;
    (question.included)(&candidate.tag).map_err(|reason| (Eligibility::Excluded, reason))?;
    let unusable = if !candidate.pullable {
        Some("cannot be pulled now (archived)")
    } else if candidate.unfit.is_some() {
        candidate.unfit.as_deref()
    } else if policy.digests() != Digests::Never && candidate.digest.is_none() && !question.typed {
        Some("the registry does not report its digest")
    } else {
        None
    };
    unusable.map_or(Ok(()), |reason| {
        Err((Eligibility::Unusable, reasons.write(|| reason.to_owned())))
    })
}

/// Why a usable tag is newer than what the file has.
fn is_newer(
    question: &Question<'_>,
    current: Option<&Current<'_>>,
    candidate: &Candidate,
    same: bool,
    reasons: Reasons,
) -> Result<String, (Eligibility, String)> {
    let policy = question.policy;
    let write = |reason: &str| reasons.write(|| reason.to_owned());
    match current {
        None if policy.needs_push_times() && candidate.pushed_at.is_none() => first_without_time(question, candidate),
        None if !question.is_renamed && question.digest.is_some() && question.digest == candidate.digest.as_ref() => {
            Err((Eligibility::NotNewer, write("is the image in the file")))
        }
        None => Ok(write("the field has no tag yet")),
        Some(_) if same && question.is_renamed => Ok(write("is the current tag, which the new name does not have yet")),
        Some(_) if same && question.digest.is_none() => Ok(write("its digest is not in the file yet")),
        Some(current) if same => moved(current, candidate),
        Some(current) => newer(policy, current, candidate, reasons),
    }
}

/// A field without a tag, and a candidate whose push time is not known: a version can be ordered as a version.
fn first_without_time(question: &Question<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    if Version::parse(candidate.tag.as_str()).is_ok() {
        Ok("the field has no tag yet; its push time is not known, so its version counts".to_owned())
    } else if question.typed {
        Ok("the field has no tag yet; its push time, which would order it, is not given".to_owned())
    } else {
        Err((Eligibility::Unordered, "its push time is not known".to_owned()))
    }
}

/// Why nothing about the current tag has to be written; `None` if something has.
fn settled(question: &Question<'_>, candidate: &Candidate) -> Option<&'static str> {
    let reason = match (question.policy.digests(), question.digest) {
        (Digests::Never, _) => "is the current tag",
        (Digests::IfAbsent, Some(_)) => "is the current tag, and has a digest",
        (_, Some(digest)) if candidate.digest.as_ref() == Some(digest) => {
            "is the current tag, and points to the digest in the file"
        }
        _ if question.policy.admits(&candidate.tag).is_err() => "is the current tag",
        _ if question.typed && candidate.digest.is_none() => {
            "is the current tag; only its digest, which is not given, would show whether it moved"
        }
        _ => return None,
    };
    Some(reason)
}

/// The current tag points to another image than the one in the file. The image that the tag points to now counts as newer,
/// unless push times show that the tag went back.
fn moved(current: &Current<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    let times = current.listed.map(|listed| (candidate.pushed_at, listed.pushed_at));
    match times {
        Some((Some(ours), Some(theirs))) if ours < theirs => Err((
            Eligibility::NotNewer,
            "points to an image that was pushed before the one in the file".to_owned(),
        )),
        _ => Ok("points to another image than the file".to_owned()),
    }
}

/// Why the candidate is newer than the current tag, or why it is not.
fn newer(
    policy: &Policy,
    current: &Current<'_>,
    candidate: &Candidate,
    reasons: Reasons,
) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let ours = current.measure.as_ref().and_then(|_| policy.measure(&candidate.tag));
    if let (Some(ours), Some(theirs)) = (ours, &current.measure) {
        return if ours.is_newer_than(theirs) {
            Ok(reasons.write(|| format!("comes after the current tag {tag}")))
        } else {
            let reason = reasons.write(|| format!("does not come after the current tag {tag}"));
            Err((Eligibility::NotNewer, reason))
        };
    }
    match newer_by_time(current, candidate, reasons) {
        Err((Eligibility::NotNewer, reason)) => {
            let reason = reasons.write(|| match policy.cannot_order(tag, &candidate.tag) {
                Some(remedy) => format!("{reason}, and {remedy}"),
                None => reason,
            });
            Err((Eligibility::NotNewer, reason))
        }
        answer => answer,
    }
}

/// Whether the candidate was pushed after the current tag.
fn newer_by_time(
    current: &Current<'_>,
    candidate: &Candidate,
    reasons: Reasons,
) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let not_newer = |what: &str| {
        let reason = reasons.write(|| format!("{what} the current tag {tag}"));
        Err((Eligibility::NotNewer, reason))
    };
    let same_image = current
        .listed
        .is_some_and(|listed| listed.digest.is_some() && listed.digest == candidate.digest);
    if same_image {
        return not_newer("is the same image as");
    }
    let times = current
        .listed
        .map(|listed| listed.pushed_at)
        .map(|pushed_at| (candidate.pushed_at, pushed_at));
    match times {
        Some((Some(ours), Some(theirs))) if ours > theirs => {
            Ok(reasons.write(|| format!("was pushed after the current tag {tag}")))
        }
        Some((Some(ours), Some(theirs))) if ours == theirs => not_newer("was pushed together with"),
        Some((Some(_), Some(_))) => not_newer("was pushed before"),
        _ => newer_otherwise(current, candidate, reasons),
    }
}

/// The answer where push times give none. Two versions are compared as versions. Otherwise a push after the current tag was
/// written into the file counts as newer.
fn newer_otherwise(
    current: &Current<'_>,
    candidate: &Candidate,
    reasons: Reasons,
) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let problem = || match current.listed {
        None => format!("the current tag {tag} is no longer in the registry"),
        Some(_) => "the registry does not report push times".to_owned(),
    };
    let because = |answer: &str| reasons.write(|| format!("{answer}; {}", problem()));
    if let (Ok(ours), Some(theirs)) = (Version::parse(candidate.tag.as_str()), &current.version) {
        return match ours.is_higher_than(theirs) {
            true => Ok(because("is a higher version")),
            false => Err((Eligibility::NotNewer, because("is not a higher version"))),
        };
    }
    match (candidate.pushed_at, current.since()) {
        (Some(pushed_at), Some(since)) if pushed_at > since => {
            Ok(because("was pushed after the current tag was written into the file"))
        }
        (Some(_), Some(_)) => Err((
            Eligibility::NotNewer,
            because("was not pushed after the current tag was written into the file"),
        )),
        _ => {
            let unknown = "so nothing says which tag is newer; write the tag that you want into the file once";
            let reason = reasons.write(|| format!("{}, {unknown}", problem()));
            Err((Eligibility::Unordered, reason))
        }
    }
}
