use super::candidate::{Candidate, Choice};
use super::judge::{Current, judge};
use super::order::Ranked;
use super::outcome::{newest, summary};
use super::question::Question;
use super::verdict::{Eligibility, Selection, Verdict};
use crate::model::Tag;

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
    // Under another name the current tag is a new image.
    let is_kept = |tag: &&Tag| question.is_renamed && selected.is_some_and(|selected| selected.tag == **tag);
    let current = question.current.filter(|tag| !is_kept(tag));
    let reason = summary(policy, current, selected, newest.as_ref(), &verdicts);
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
