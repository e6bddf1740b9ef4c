use super::candidate::Candidate;
use super::judge::{Current, judge};
use super::order::Ranked;
use super::parse::Policy;
use super::question::Question;
use super::reasons::Reasons;
use super::verdict::Eligibility;
use crate::model::{Digest, Tag};

/// The tags that decide the outcome: the first ones of their kind in the policy's order.
#[derive(Default)]
pub(super) struct Leading<'a> {
    /// The first eligible tag.
    pub(super) selected: Option<Ranked<'a>>,
    /// The first tag that the policy matches. The field may be barred from moving to the tag.
    pub(super) newest: Option<Ranked<'a>>,
    /// The first tag that a hold refuses.
    pub(super) held: Option<Ranked<'a>>,
    /// The first tag about which nothing says whether it is newer.
    pub(super) unordered: Option<Ranked<'a>>,
}

impl<'a> Leading<'a> {
    /// Judges every tag, without reasons, and keeps the leading ones.
    pub(super) fn among(question: &Question<'a>, current: Option<&Current<'_>>) -> Self {
        let mut leading = Self::default();
        for candidate in question.candidates {
            let (eligibility, _) = judge(question, current, candidate, Reasons::Omitted);
            let kind = match eligibility {
                Eligibility::Unmatched | Eligibility::Excluded | Eligibility::Unusable => continue,
                Eligibility::Current if question.policy.admission(&candidate.tag, Reasons::Omitted).is_err() => {
                    continue;
                }
                Eligibility::Current | Eligibility::NotNewer => None,
                Eligibility::Eligible => Some(&mut leading.selected),
                Eligibility::Held => Some(&mut leading.held),
                Eligibility::Unordered => Some(&mut leading.unordered),
            };
            let ranked = Ranked::new(question.policy, candidate);
            if let Some(first) = kind {
                keep_first(first, &ranked);
            }
            keep_first(&mut leading.newest, &ranked);
        }
        leading
    }

    /// The outcome in one sentence.
    pub(super) fn summary(&self, question: &Question<'_>, current: Option<&Current<'_>>) -> String {
        let policy = question.policy;
        let selected = self.selected.as_ref().map(|ranked| ranked.candidate);
        // Under another name the current tag is a new image.
        let is_kept = |tag: &&Tag| question.is_renamed && selected.is_some_and(|selected| selected.tag == **tag);
        let tag = question.current.filter(|tag| !is_kept(tag));
        if let Some(selected) = selected {
            return chosen(policy, tag, selected);
        }
        let why = |candidate: &Candidate| judge(question, current, candidate, Reasons::Written).1;
        if let Some(Ranked { candidate, .. }) = &self.held {
            return format!("{} is {}", candidate.tag, why(candidate));
        }
        if let Some(Ranked { candidate, .. }) = &self.unordered {
            return format!("nothing is chosen: {}: {}", candidate.tag, why(candidate));
        }
        match (tag, &self.newest, question.candidates) {
            (_, _, []) => "the repository has no tags".to_owned(),
            (Some(tag), Some(newest), _) => {
                let remedy = policy.cannot_order(tag, &newest.candidate.tag);
                let remedy = remedy.map_or(String::new(), |remedy| format!("; {remedy}"));
                format!("nothing for {policy} is newer than {tag}{remedy}")
            }
            (_, _, [only]) => {
                format!(
                    "{}, the only tag, cannot be used with {policy}: {}",
                    only.tag,
                    why(only)
                )
            }
            (_, _, candidates) => format!("none of {} tags can be used with {policy}", candidates.len()),
        }
    }
}

fn keep_first<'a>(first: &mut Option<Ranked<'a>>, ranked: &Ranked<'a>) {
    if first.as_ref().is_none_or(|first| ranked.order(first).is_lt()) {
        *first = Some(ranked.clone());
    }
}

/// Why the policy chose a tag.
fn chosen(policy: &Policy, current: Option<&Tag>, selected: &Candidate) -> String {
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
    match current {
        Some(current) => format!("{first}, after {current}"),
        None => first,
    }
}
