//! The verdict about one tag.

use super::artefact;
use super::candidate::Candidate;
use super::extracted::Digests;
use super::parse::Policy;
use super::question::Question;
use super::verdict::Eligibility;
use super::version::Version;
use crate::model::Tag;
use jiff::Timestamp;

/// What is known about the current tag.
pub(super) struct Current<'a> {
    pub(super) tag: &'a Tag,
    /// When the tag was written into the file.
    pub(super) since: Option<Timestamp>,
    /// The image in the file as the registry lists it.
    pub(super) listed: Option<&'a Candidate>,
}

/// Judges one tag.
pub(super) fn judge(
    question: &Question<'_>,
    current: Option<&Current<'_>>,
    candidate: &Candidate,
) -> (Eligibility, String) {
    let same = current.is_some_and(|current| *current.tag == candidate.tag);
    if same
        && !question.is_renamed
        && let Some(reason) = settled(question, candidate)
    {
        return (Eligibility::Current, reason);
    }
    let verdict = usable(question, candidate).and_then(|()| is_newer(question, current, candidate, same));
    match verdict {
        Err(verdict) => verdict,
        Ok(reason) => match (question.free)(candidate) {
            Ok(()) => (Eligibility::Eligible, reason),
            Err(refusal) => (Eligibility::Held, refusal),
        },
    }
}

/// Whether the tag is a candidate at all, whatever the current tag is.
fn usable(question: &Question<'_>, candidate: &Candidate) -> Result<(), (Eligibility, String)> {
    if let Some(what) = artefact::not_an_image(candidate) {
        return Err((Eligibility::Unusable, format!("is {what}, not an image")));
    }
    let policy = question.policy;
    policy
        .admits(&candidate.tag)
        .map_err(|reason| (Eligibility::Unmatched, reason))?;
    (question.included)(&candidate.tag).map_err(|reason| (Eligibility::Excluded, reason))?;
    let unusable = if !candidate.pullable {
        Some("cannot be pulled now (archived)".to_owned())
    } else if candidate.unfit.is_some() {
        candidate.unfit.clone()
    } else if policy.digests() != Digests::Never && candidate.digest.is_none() && !question.typed {
        Some("the registry does not report its digest".to_owned())
    } else {
        None
    };
    unusable.map_or(Ok(()), |reason| Err((Eligibility::Unusable, reason)))
}

/// Why a usable tag is newer than what the file has.
fn is_newer(
    question: &Question<'_>,
    current: Option<&Current<'_>>,
    candidate: &Candidate,
    same: bool,
) -> Result<String, (Eligibility, String)> {
    let policy = question.policy;
    match current {
        None if policy.needs_push_times() && candidate.pushed_at.is_none() => first_without_time(question, candidate),
        None if !question.is_renamed && question.digest.is_some() && question.digest == candidate.digest.as_ref() => {
            Err((Eligibility::NotNewer, "is the image in the file".to_owned()))
        }
        None => Ok("the field has no tag yet".to_owned()),
        Some(_) if same && question.is_renamed => {
            Ok("is the current tag, which the new name does not have yet".to_owned())
        }
        Some(_) if same && question.digest.is_none() => Ok("its digest is not in the file yet".to_owned()),
        Some(current) if same => moved(current, candidate),
        Some(current) => newer(policy, current, candidate),
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
fn settled(question: &Question<'_>, candidate: &Candidate) -> Option<String> {
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
    Some(reason.to_owned())
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
fn newer(policy: &Policy, current: &Current<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    if let (Some(ours), Some(theirs)) = (policy.measure(&candidate.tag), policy.measure(tag)) {
        return if ours.is_newer_than(&theirs) {
            Ok(format!("comes after the current tag {tag}"))
        } else {
            Err((
                Eligibility::NotNewer,
                format!("does not come after the current tag {tag}"),
            ))
        };
    }
    match (
        newer_by_time(current, candidate),
        policy.cannot_order(tag, &candidate.tag),
    ) {
        (Err((Eligibility::NotNewer, reason)), Some(remedy)) => {
            Err((Eligibility::NotNewer, format!("{reason}, and {remedy}")))
        }
        (answer, _) => answer,
    }
}

/// Whether the candidate was pushed after the current tag.
fn newer_by_time(current: &Current<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let same_image = current
        .listed
        .is_some_and(|listed| listed.digest.is_some() && listed.digest == candidate.digest);
    if same_image {
        return Err((
            Eligibility::NotNewer,
            format!("is the same image as the current tag {tag}"),
        ));
    }
    let times = current
        .listed
        .map(|listed| listed.pushed_at)
        .map(|pushed_at| (candidate.pushed_at, pushed_at));
    match times {
        Some((Some(ours), Some(theirs))) if ours > theirs => Ok(format!("was pushed after the current tag {tag}")),
        Some((Some(ours), Some(theirs))) if ours == theirs => Err((
            Eligibility::NotNewer,
            format!("was pushed together with the current tag {tag}"),
        )),
        Some((Some(_), Some(_))) => Err((
            Eligibility::NotNewer,
            format!("was pushed before the current tag {tag}"),
        )),
        _ => newer_otherwise(current, candidate),
    }
}

/// The answer where push times give none. Two versions are compared as versions. Otherwise a push after the current tag was
/// written into the file counts as newer.
fn newer_otherwise(current: &Current<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let problem = match current.listed {
        None => format!("the current tag {tag} is no longer in the registry"),
        Some(_) => "the registry does not report push times".to_owned(),
    };
    match (Version::parse(candidate.tag.as_str()), Version::parse(tag.as_str())) {
        (Ok(ours), Ok(theirs)) if ours.is_higher_than(&theirs) => Ok(format!("is a higher version; {problem}")),
        (Ok(_), Ok(_)) => Err((Eligibility::NotNewer, format!("is not a higher version; {problem}"))),
        _ if candidate.pushed_at.is_some() && current.since.is_some() => {
            if candidate.pushed_at > current.since {
                Ok(format!(
                    "was pushed after the current tag was written into the file; {problem}"
                ))
            } else {
                Err((
                    Eligibility::NotNewer,
                    format!("was not pushed after the current tag was written into the file; {problem}"),
                ))
            }
        }
        _ => Err((
            Eligibility::Unordered,
            format!("{problem}, so nothing says which tag is newer; write the tag that you want into the file once"),
        )),
    }
}
