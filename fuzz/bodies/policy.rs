use super::document::path;
use jiff::Timestamp;
use std::collections::BTreeSet;
use tidegate::manifest::read;
use tidegate::model::{Digest, Tag};
use tidegate::policy::{Candidate, Digests, Policy, Question, Selection, select};

/// The most tags of an input. More tags find nothing new and slow the fuzzer down.
const MOST_TAGS: usize = 60;

/// First line the policy, second the current tag with `@<hex digit of the digest in the file>` where it has one, then a tag
/// a line: `<tag>[=<second of its push>][@<hex digit of its digest>]`, with `!` before one that cannot be pulled.
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

    choices(&policy, lines);
}

/// An ImagePolicy in YAML up to the line `%`, then the current tag and the others as for [`policy`]. Whatever is written, it is
/// a policy that holds all that a policy of ours holds, or a refusal that says what to write.
pub fn image_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (object, rest) = text.split_once("\n%\n").unwrap_or((&text, ""));
    for document in read(&path("policy.yaml"), object.as_bytes()).documents {
        match Policy::from_image_policy(&document.object.value.value()) {
            Ok(policy) => {
                assert!(!policy.to_string().is_empty());
                choices(&policy, rest.lines());
            }
            Err(error) => assert!(!error.problem.is_empty() && !error.remedy.is_empty()),
        }
    }
}

fn digest(digit: &str) -> Option<Digest> {
    Digest::parse(&format!("sha256:{}", digit.repeat(64))).ok()
}

/// What is in the file.
struct Current {
    tag: Tag,
    digest: Option<Digest>,
}

fn choices<'a>(policy: &Policy, mut lines: impl Iterator<Item = &'a str>) {
    let current = lines.next().and_then(|line| {
        let (tag, digit) = line.split_once('@').unwrap_or((line, ""));
        Some(Current {
            tag: Tag::parse(tag).ok()?,
            digest: digest(digit),
        })
    });
    let current = current.as_ref();
    let mut seen = BTreeSet::new();
    let candidates: Vec<Candidate> = lines
        .filter_map(candidate)
        .filter(|candidate| seen.insert(candidate.tag.clone()))
        .take(MOST_TAGS)
        .collect();
    let selection = choose(policy, current, &candidates);

    assert_eq!(selection.verdicts.len(), candidates.len());
    assert!(!selection.reason.is_empty());
    let first = selection.verdicts.iter().find(|verdict| verdict.eligible);
    assert_eq!(
        selection.selected.as_ref().map(|choice| &choice.tag),
        first.map(|verdict| &verdict.tag)
    );
    order_is_total(policy, current, &candidates, &selection);
    others_do_not_count(policy, current, &candidates, &selection);
    choice_is_sound(policy, current, &candidates, &selection);
}

fn candidate(line: &str) -> Option<Candidate> {
    let (pullable, line) = match line.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, line),
    };
    let (line, digest) = match line.split_once('@') {
        Some((rest, digit)) => (rest, digest(digit)),
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
        unfit: None,
    })
}

fn choose(policy: &Policy, current: Option<&Current>, candidates: &[Candidate]) -> Selection {
    select(&Question {
        digest: current.and_then(|current| current.digest.as_ref()),
        ..Question::new(policy, current.map(|current| &current.tag), candidates)
    })
}

fn tags(selection: &Selection) -> Vec<&Tag> {
    selection.verdicts.iter().map(|verdict| &verdict.tag).collect()
}

/// The order does not depend on how tags were listed, and is the same within any part of them.
fn order_is_total(policy: &Policy, current: Option<&Current>, candidates: &[Candidate], selection: &Selection) {
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
fn others_do_not_count(policy: &Policy, current: Option<&Current>, candidates: &[Candidate], selection: &Selection) {
    let needed: BTreeSet<&Tag> = selection
        .verdicts
        .iter()
        .filter(|verdict| verdict.eligible)
        .map(|verdict| &verdict.tag)
        .chain(current.map(|current| &current.tag))
        .collect();
    let in_the_file = current.and_then(|current| current.digest.as_ref());
    let part: Vec<Candidate> = candidates
        .iter()
        .filter(|candidate| {
            needed.contains(&candidate.tag) || in_the_file.is_some() && candidate.digest.as_ref() == in_the_file
        })
        .cloned()
        .collect();
    assert_eq!(
        choose(policy, current, &part).selected,
        selection.selected,
        "{policy}: an ineligible tag changes the choice"
    );
}

/// Never the current tag but to write its digest, never what cannot be pulled, `latest` only by name, never an older image.
fn choice_is_sound(policy: &Policy, current: Option<&Current>, candidates: &[Candidate], selection: &Selection) {
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
    let Current { tag: current, digest } = current;
    if choice.tag == *current {
        assert!(policy.digests() != Digests::Never, "{policy} chose the current tag");
        assert!(
            choice.digest.is_some() && choice.digest != *digest,
            "{policy} changes nothing"
        );
        return;
    }
    if policy.needs_push_times() {
        let image = candidates.iter().find(|candidate| match digest {
            Some(_) => candidate.digest == *digest,
            None => candidate.tag == *current,
        });
        let pushed = image.and_then(|candidate| candidate.pushed_at);
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
