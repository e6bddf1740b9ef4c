use super::artefact;
use super::image_policy::Digests;
use super::order::Ranked;
use super::outcome::{newest, summary};
use super::parse::Policy;
use super::version::Version;
use crate::model::{Digest, Tag};
use jiff::Timestamp;
use serde::Serialize;

/// A tag that a registry listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// What it points to, where known.
    pub digest: Option<Digest>,
    /// When the image was pushed to this registry, where known; tags on one digest share it.
    pub pushed_at: Option<Timestamp>,
    /// The manifest's or artefact's media type, where known.
    pub media_type: Option<String>,
    /// Whether it can be pulled now.
    pub pullable: bool,
    /// Why it would not run where it is wanted, where that is known ([`crate::policy::Platforms::unfit`]).
    pub unfit: Option<String>,
}

/// The tag to move to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The tag.
    pub tag: Tag,
    /// What it pointed to when it was listed.
    pub digest: Option<Digest>,
    /// When it was pushed.
    pub pushed_at: Option<Timestamp>,
}

/// How a tag stands to a policy and to the current tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eligibility {
    /// May be moved to.
    Eligible,
    /// It is the current tag, and nothing about it is to be written.
    Current,
    /// Matches, but is the same image as the current tag or an older one.
    NotNewer,
    /// Matches, but nothing tells whether it is newer than the current tag.
    Unordered,
    /// Matches and is newer, but the caller's question refused it: a hold.
    Held,
    /// The policy does not match it.
    Unmatched,
    /// Kept out by the caller's include and exclude globs.
    Excluded,
    /// Not an image, or not one that can be pulled.
    Unusable,
}

/// What became of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The tag.
    pub tag: Tag,
    /// Whether it may be moved to.
    pub eligible: bool,
    /// How it stands.
    #[serde(rename = "standing")]
    pub eligibility: Eligibility,
    /// Why, in a few words.
    pub reason: String,
}

/// What a policy makes of a repository's tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The tag to move to: the first eligible one. `None`: stay.
    pub selected: Option<Choice>,
    /// The first tag that the policy matches, whatever the current tag and the holds.
    pub newest: Option<Tag>,
    /// Every tag, in the policy's order, newest first.
    pub verdicts: Vec<Verdict>,
    /// The outcome in one sentence.
    pub reason: String,
}

impl Selection {
    /// Whether any tag stands so.
    pub fn any(&self, eligibility: Eligibility) -> bool {
        self.verdicts.iter().any(|verdict| verdict.eligibility == eligibility)
    }
}

/// What is asked about one image field.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The field's policy.
    pub policy: &'a Policy,
    /// The tag in the file.
    pub current: Option<&'a Tag>,
    /// The digest in the file. Only policies that write digests move a field that has one.
    pub digest: Option<&'a Digest>,
    /// When it was written there, where known. Asked where the registry cannot tell the current tag's push time.
    pub current_since: Option<Timestamp>,
    /// *All* tags of the repository, from one complete listing.
    pub candidates: &'a [Candidate],
    /// The candidates are names that a person typed: a push time or digest that is not there was left out, and is not
    /// unknown to a registry. What it would decide is then taken as decided in the tag's favour, but for the question
    /// whether the tag is newer than the current one.
    pub typed: bool,
    /// Whether the include and exclude globs let a tag in; the reason if not.
    pub included: &'a dyn Fn(&Tag) -> Result<(), String>,
    /// Asked about tags that are otherwise eligible: whether no hold keeps us from it; the reason if one does.
    pub free: &'a dyn Fn(&Candidate) -> Result<(), String>,
}

impl<'a> Question<'a> {
    /// A question without globs and holds.
    pub fn new(policy: &'a Policy, current: Option<&'a Tag>, candidates: &'a [Candidate]) -> Self {
        Self {
            policy,
            current,
            digest: None,
            current_since: None,
            candidates,
            typed: false,
            included: &|_| Ok(()),
            free: &|_| Ok(()),
        }
    }
}

/// Judges every tag and chooses the first eligible one.
pub fn select(question: &Question<'_>) -> Selection {
    let Question { policy, candidates, .. } = *question;
    let mut ranked: Vec<Ranked<'_>> = candidates.iter().map(|c| Ranked::new(policy, c)).collect();
    ranked.sort_by(Ranked::order);
    let current = question.current.map(|tag| Current {
        tag,
        since: question.current_since,
        listed: listed(question, tag),
    });

    let mut verdicts = Vec::with_capacity(ranked.len());
    let mut selected: Option<&Candidate> = None;
    for candidate in ranked.iter().map(|ranked| ranked.candidate) {
        let (eligibility, reason) = judge(question, current.as_ref(), candidate);
        if eligibility == Eligibility::Eligible && selected.is_none() {
            selected = Some(candidate);
        }
        verdicts.push(Verdict {
            tag: candidate.tag.clone(),
            eligible: eligibility == Eligibility::Eligible,
            eligibility,
            reason,
        });
    }
    let newest = newest(policy, &verdicts);
    let reason = summary(policy, question.current, selected, newest.as_ref(), &verdicts);
    Selection {
        selected: selected.map(|candidate| Choice {
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            pushed_at: candidate.pushed_at,
        }),
        newest,
        verdicts,
        reason,
    }
}

/// The image in the file as the registry knows it.
fn listed<'a>(question: &Question<'a>, tag: &Tag) -> Option<&'a Candidate> {
    let mut candidates = question.candidates.iter();
    match question.digest {
        Some(digest) => candidates.find(|candidate| candidate.digest.as_ref() == Some(digest)),
        None => candidates.find(|candidate| candidate.tag == *tag),
    }
}

struct Current<'a> {
    tag: &'a Tag,
    since: Option<Timestamp>,
    listed: Option<&'a Candidate>,
}

fn judge(question: &Question<'_>, current: Option<&Current<'_>>, candidate: &Candidate) -> (Eligibility, String) {
    let policy = question.policy;
    let same = current.is_some_and(|current| *current.tag == candidate.tag);
    if same && let Some(reason) = settled(question, candidate) {
        return (Eligibility::Current, reason);
    }
    if let Some(what) = artefact::not_an_image(candidate) {
        return (Eligibility::Unusable, format!("is {what}, not an image"));
    }
    if let Err(reason) = policy.admits(&candidate.tag) {
        return (Eligibility::Unmatched, reason);
    }
    if let Err(reason) = (question.included)(&candidate.tag) {
        return (Eligibility::Excluded, reason);
    }
    if !candidate.pullable {
        return (Eligibility::Unusable, "cannot be pulled now (archived)".to_owned());
    }
    if let Some(reason) = &candidate.unfit {
        return (Eligibility::Unusable, reason.clone());
    }
    if policy.digests() != Digests::Never && candidate.digest.is_none() && !question.typed {
        return (
            Eligibility::Unusable,
            "the registry does not tell its digest".to_owned(),
        );
    }
    let newer = match current {
        None if policy.needs_push_times() && candidate.pushed_at.is_none() => first_without_time(question, candidate),
        None if question.digest.is_some() && question.digest == candidate.digest.as_ref() => {
            Err((Eligibility::NotNewer, "is the image in the file".to_owned()))
        }
        None => Ok("the field has no tag yet".to_owned()),
        Some(_) if same && question.digest.is_none() => Ok("its digest is not in the file yet".to_owned()),
        Some(current) if same => moved(current, candidate),
        Some(current) => newer(policy, current, candidate),
    };
    match newer {
        Err(eligibility) => eligibility,
        Ok(reason) => match (question.free)(candidate) {
            Ok(()) => (Eligibility::Eligible, reason),
            Err(refusal) => (Eligibility::Held, refusal),
        },
    }
}

/// A field without a tag, and a tag whose push time is not known: a version is as good as its place among the versions.
fn first_without_time(question: &Question<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    if Version::parse(candidate.tag.as_str()).is_ok() {
        Ok("the field has no tag yet; its push time is not known, so that its version counts".to_owned())
    } else if question.typed {
        Ok("the field has no tag yet; its push time, which would order it, is not given".to_owned())
    } else {
        Err((Eligibility::Unordered, "its push time is not known".to_owned()))
    }
}

/// Why nothing is to be written about the current tag, if that is so.
fn settled(question: &Question<'_>, candidate: &Candidate) -> Option<String> {
    let reason = match (question.policy.digests(), question.digest) {
        (Digests::Never, _) => "is the current tag",
        (Digests::IfAbsent, Some(_)) => "is the current tag, and has a digest",
        (_, Some(digest)) if candidate.digest.as_ref() == Some(digest) => {
            "is the current tag, and points to the digest in the file"
        }
        _ if question.policy.admits(&candidate.tag).is_err() => "is the current tag",
        _ if question.typed && candidate.digest.is_none() => {
            "is the current tag; whether it has moved would be told by its digest, which is not given"
        }
        _ => return None,
    };
    Some(reason.to_owned())
}

/// The current tag does not point to the image in the file. The tag itself says which one is the newer, unless push times
/// say that it went back.
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

/// Why the candidate is newer than the current tag, or how it stands otherwise.
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

/// The answer where push times give none: as versions, if both are; else a push after the current tag was written into
/// the file counts as newer.
fn newer_otherwise(current: &Current<'_>, candidate: &Candidate) -> Result<String, (Eligibility, String)> {
    let tag = current.tag;
    let problem = match current.listed {
        None => format!("the current tag {tag} is no longer in the registry"),
        Some(_) => "the registry does not tell push times".to_owned(),
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
            format!("{problem}, so nothing tells which one is newer; write the tag you want into the file once"),
        )),
    }
}
