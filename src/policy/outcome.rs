use super::candidate::Candidate;
use super::parse::Policy;
use super::verdict::{Eligibility, Verdict};
use crate::model::{Digest, Tag};

/// The first tag that the policy matches. The field may be barred from moving to the tag.
pub(super) fn newest(policy: &Policy, verdicts: &[Verdict]) -> Option<Tag> {
    verdicts
        .iter()
        .find(|verdict| match verdict.eligibility {
            Eligibility::Unmatched | Eligibility::Excluded | Eligibility::Unusable => false,
            Eligibility::Current => policy.admits(&verdict.tag).is_ok(),
            Eligibility::Eligible | Eligibility::NotNewer | Eligibility::Unordered | Eligibility::Held => true,
        })
        .map(|verdict| verdict.tag.clone())
}

/// The outcome of a selection in one sentence.
pub(super) fn summary(
    policy: &Policy,
    current: Option<&Tag>,
    selected: Option<&Candidate>,
    newest: Option<&Tag>,
    verdicts: &[Verdict],
) -> String {
    if let Some(selected) = selected {
        let tag = &selected.tag;
        if current == Some(tag) {
            let digest = selected.digest.as_ref().map_or("another image", Digest::as_str);
            return format!("{tag} points to {digest} now");
        }
        let first = match selected.pushed_at {
            Some(at) if policy.needs_push_times() => format!("{tag}, pushed {at}, is the newest push for {policy}"),
            None if policy.needs_push_times() => {
                format!("{tag} is the first tag for {policy} by version and name, as its push time is not known")
            }
            _ => format!("{tag} is the newest tag for {policy}"),
        };
        return match current {
            Some(current) => format!("{first}, after {current}"),
            None => first,
        };
    }
    let first = |eligibility: Eligibility| verdicts.iter().find(|verdict| verdict.eligibility == eligibility);
    if let Some(held) = first(Eligibility::Held) {
        return format!("{} is {}", held.tag, held.reason);
    }
    if let Some(unordered) = first(Eligibility::Unordered) {
        return format!("nothing is chosen: {}: {}", unordered.tag, unordered.reason);
    }
    match current {
        _ if verdicts.is_empty() => "the repository has no tags".to_owned(),
        Some(current) if newest.is_some() => {
            let remedy = newest.and_then(|newest| policy.cannot_order(current, newest));
            let remedy = remedy.map_or(String::new(), |remedy| format!("; {remedy}"));
            format!("nothing for {policy} is newer than {current}{remedy}")
        }
        _ => match verdicts {
            [verdict] => format!(
                "{}, the only tag, cannot be used with {policy}: {}",
                verdict.tag, verdict.reason
            ),
            _ => format!("none of {} tags can be used with {policy}", verdicts.len()),
        },
    }
}
