use super::candidate::Choice;
use super::judge::{Current, judge};
use super::order::Ranked;
use super::outcome::Leading;
use super::question::Question;
use super::reasons::Reasons;
use super::verdict::{Chosen, Eligibility, Selection, Verdict};
use crate::model::Tag;

/// Chooses the first eligible tag. The cost is linear in the number of tags, and no tag gets a reason of its own.
pub fn choose(question: &Question<'_>) -> Chosen {
    let current = Current::of(question);
    let leading = Leading::among(question, current.as_ref());
    let reason = leading.summary(question, current.as_ref());
    Chosen {
        selected: leading.selected.map(|Ranked { candidate, .. }| Choice {
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            pushed_at: candidate.pushed_at,
        }),
        newest: leading.newest.map(|ranked| ranked.candidate.tag.clone()),
        is_held: leading.held.is_some(),
        is_unordered: leading.unordered.is_some(),
        rests_on_since: current.is_some_and(|current| current.rests_on_since()),
        reason,
    }
}

/// Chooses as [`choose`] does, and gives the verdict about every tag, with its reason, for people.
pub fn select(question: &Question<'_>) -> Selection {
    let current = Current::of(question);
    let mut ranked: Vec<Ranked<'_>> = question
        .candidates
        .iter()
        .map(|candidate| Ranked::new(question.policy, candidate))
        .collect();
    ranked.sort_by(Ranked::order);
    let verdicts = ranked.iter().map(|ranked| verdict(question, current.as_ref(), ranked));
    let verdicts = verdicts.collect();
    let chosen = choose(question);
    Selection {
        selected: chosen.selected,
        newest: chosen.newest,
        verdicts,
        reason: chosen.reason,
    }
}

fn verdict(question: &Question<'_>, current: Option<&Current<'_>>, ranked: &Ranked<'_>) -> Verdict {
    let (eligibility, reason) = judge(question, current, ranked.candidate, Reasons::Written);
    Verdict {
        tag: ranked.candidate.tag.clone(),
        eligible: eligibility == Eligibility::Eligible,
        eligibility,
        reason,
    }
}

/// All tags that the field may move to, the first one first.
pub fn eligible(question: &Question<'_>) -> Vec<Tag> {
    let current = Current::of(question);
    let candidates = question
        .candidates
        .iter()
        .filter(|candidate| judge(question, current.as_ref(), candidate, Reasons::Omitted).0 == Eligibility::Eligible);
    let mut ranked: Vec<Ranked<'_>> = candidates
        .map(|candidate| Ranked::new(question.policy, candidate))
        .collect();
    ranked.sort_by(Ranked::order);
    ranked.into_iter().map(|ranked| ranked.candidate.tag.clone()).collect()
}

/// The verdict about the first tag, in the policy's order, that `fits`. A tag that the policy matches comes before all others.
pub fn first_verdict(question: &Question<'_>, fits: &dyn Fn(&Tag) -> bool) -> Option<Verdict> {
    let current = Current::of(question);
    let fitting = question.candidates.iter().filter(|candidate| fits(&candidate.tag));
    let ranked = fitting.map(|candidate| Ranked::new(question.policy, candidate));
    let is_unmatched = |ranked: &Ranked<'_>| question.policy.admits(&ranked.candidate.tag).is_err();
    let first = ranked.min_by(|a, b| is_unmatched(a).cmp(&is_unmatched(b)).then_with(|| a.order(b)))?;
    Some(verdict(question, current.as_ref(), &first))
}
