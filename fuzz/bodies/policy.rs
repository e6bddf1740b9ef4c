use jiff::Timestamp;
use std::collections::BTreeSet;
use tidegate::model::{Digest, Tag};
use tidegate::policy::{Candidate, Policy, Question, Selection, select};

/// More tags than this tell nothing new and slow the fuzzer down.
const MOST_TAGS: usize = 60;

/// First line the policy, second the current tag, then a tag a line: `<tag>[=<second of its push>][@<hex digit of its
/// digest>]`, with `!` before one that cannot be pulled.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let policy = match Policy::parse(lines.next().unwrap_or_default()) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(!error.problem.is_empty() && !error.remedy.is_empty());
            return;
        }
    };
    assert_eq!(
        Policy::parse(&policy.to_string()).as_ref(),
        Ok(&policy),
        "{policy} does not read back"
    );

    let current = lines.next().and_then(|line| Tag::parse(line).ok());
    let mut seen = BTreeSet::new();
    let candidates: Vec<Candidate> = lines
        .filter_map(candidate)
        .filter(|candidate| seen.insert(candidate.tag.clone()))
        .take(MOST_TAGS)
        .collect();
    let selection = choose(&policy, current.as_ref(), &candidates);

    assert_eq!(selection.verdicts.len(), candidates.len());
    assert!(!selection.reason.is_empty());
    let first = selection.verdicts.iter().find(|verdict| verdict.eligible);
    assert_eq!(
        selection.selected.as_ref().map(|choice| &choice.tag),
        first.map(|verdict| &verdict.tag)
    );
    order_is_total(&policy, current.as_ref(), &candidates, &selection);
    others_do_not_count(&policy, current.as_ref(), &candidates, &selection);
    choice_is_sound(&policy, current.as_ref(), &candidates, &selection);
}

fn candidate(line: &str) -> Option<Candidate> {
    let (pullable, line) = match line.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, line),
    };
    let (line, digest) = match line.split_once('@') {
        Some((rest, digit)) => (rest, Digest::parse(&format!("sha256:{}", digit.repeat(64))).ok()),
        None => (line, None),
    };
    let (tag, pushed) = line.split_once('=').unwrap_or((line, ""));
    Some(Candidate {
        tag: Tag::parse(tag).ok()?,
        digest,
        pushed_at: pushed
            .parse()
            .ok()
            .and_then(|second: u32| Timestamp::from_second(second.into()).ok()),
        media_type: None,
        pullable,
    })
}

fn choose(policy: &Policy, current: Option<&Tag>, candidates: &[Candidate]) -> Selection {
    select(&Question::new(policy, current, candidates))
}

fn tags(selection: &Selection) -> Vec<&Tag> {
    selection.verdicts.iter().map(|verdict| &verdict.tag).collect()
}

/// The order does not depend on how tags were listed, and is the same within any part of them.
fn order_is_total(policy: &Policy, current: Option<&Tag>, candidates: &[Candidate], selection: &Selection) {
    let reversed: Vec<Candidate> = candidates.iter().rev().cloned().collect();
    assert_eq!(
        choose(policy, current, &reversed),
        *selection,
        "{policy}: the listing's order counts"
    );

    let part: Vec<Candidate> = candidates.iter().step_by(2).cloned().collect();
    let kept: BTreeSet<&Tag> = part.iter().map(|candidate| &candidate.tag).collect();
    let mut whole = tags(selection);
    whole.retain(|tag| kept.contains(tag));
    assert_eq!(
        tags(&choose(policy, current, &part)),
        whole,
        "{policy}: the order is not total"
    );
}

/// Tags that may not be moved to change nothing by being there.
fn others_do_not_count(policy: &Policy, current: Option<&Tag>, candidates: &[Candidate], selection: &Selection) {
    let needed: BTreeSet<&Tag> = selection
        .verdicts
        .iter()
        .filter(|verdict| verdict.eligible)
        .map(|verdict| &verdict.tag)
        .chain(current)
        .collect();
    let part: Vec<Candidate> = candidates
        .iter()
        .filter(|candidate| needed.contains(&candidate.tag))
        .cloned()
        .collect();
    assert_eq!(
        choose(policy, current, &part).selected,
        selection.selected,
        "{policy}: an ineligible tag changes the choice"
    );
}

/// Never the current tag but to write its digest, never what cannot be pulled, `latest` only by name, never an older image.
fn choice_is_sound(policy: &Policy, current: Option<&Tag>, candidates: &[Candidate], selection: &Selection) {
    let Some(choice) = &selection.selected else { return };
    let listed = |tag: &Tag| candidates.iter().find(|candidate| candidate.tag == *tag);
    assert!(listed(&choice.tag).is_some_and(|candidate| candidate.pullable));
    if choice.tag.as_str().eq_ignore_ascii_case("latest") {
        assert!(
            policy.to_string().to_ascii_lowercase().contains("latest"),
            "{policy} chose latest"
        );
    }
    let Some(current) = current else { return };
    if choice.tag == *current {
        assert!(
            policy.to_string().starts_with("digest:"),
            "{policy} chose the current tag"
        );
        return;
    }
    if policy.needs_push_times() {
        let pushed = listed(current).and_then(|candidate| candidate.pushed_at);
        if let (Some(ours), Some(theirs)) = (choice.pushed_at, pushed) {
            assert!(ours > theirs, "{policy} moved {current} back to {}", choice.tag);
        }
    } else {
        assert!(
            !policy.is_newer_by_name(current, &choice.tag),
            "{policy} moved {current} back to {}",
            choice.tag
        );
    }
}
