//! Which tags of a workload people have taken back: a replay of the history, one commit after another.
//!
//! A tag is rejected if the agent set it and a commit of somebody else moved the field to another tag. It is accepted again
//! if a person writes it again, or a commit resumes. What several branches say differently is not judged.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::tree::{Key, Reader};
use crate::git::{Commit, Repo};
use crate::history::AGENT;

/// What the history says about one workload's tag at a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::chaos) struct Past {
    pub(in crate::chaos) tag: Option<String>,
    /// The tags that the agent set.
    pub(in crate::chaos) ours: BTreeSet<String>,
    /// The tags that people took back, with the time of the commit that did so.
    pub(in crate::chaos) rejected: BTreeMap<String, i64>,
    /// The field was away and came back, or branches disagree: what that means is not judged.
    pub(in crate::chaos) is_unclear: bool,
    /// Whether the commit locks the workload.
    pub(in crate::chaos) is_locked: bool,
    pub(in crate::chaos) was_away: bool,
}

/// The commits up to `tip`, parents first.
pub(in crate::chaos) fn commits(repo: &Repo, tip: &str) -> Result<Vec<Commit>> {
    repo.log_of(&["--topo-order", "--reverse", tip])
}

/// What the history says about a workload's tag at each commit.
pub(in crate::chaos) fn replay(
    repo: &Repo,
    reader: &mut Reader,
    commits: &[Commit],
    key: &Key,
    image: &str,
) -> Result<BTreeMap<String, Past>> {
    let mut pasts: BTreeMap<String, Past> = BTreeMap::new();
    for commit in commits {
        let parents: Vec<&Past> = commit.parents.iter().filter_map(|parent| pasts.get(parent)).collect();
        let before = joined(&parents);
        let tree = reader.read(repo, &commit.id)?;
        let is_twin = tree.twins.contains(key);
        let declared = tree.objects.get(key).and_then(|declared| declared.image());
        let tag = declared.and_then(|found| found.strip_prefix(image)?.strip_prefix(':'));
        let tag = tag.filter(|_| !is_twin).map(str::to_owned);
        let mut past = step(before, commit, key, tag);
        let lock = tree
            .objects
            .get(key)
            .and_then(|declared| declared.annotation("tidegate.dev/locked"));
        past.is_locked = lock == Some("true");
        pasts.insert(commit.id.clone(), past);
    }
    Ok(pasts)
}

/// Whether the agent made a commit.
pub(in crate::chaos) fn is_of_agent(commit: &Commit) -> bool {
    commit.author == AGENT
}

fn step(before: Past, commit: &Commit, key: &Key, tag: Option<String>) -> Past {
    let mut past = before;
    if lifts(&commit.message, key) {
        past.rejected.clear();
    }
    let Some(tag) = tag else {
        past.was_away |= past.tag.is_some();
        past.tag = None;
        return past;
    };
    past.is_unclear |= past.was_away;
    let old = past.tag.replace(tag.clone());
    if old.as_ref() == Some(&tag) || commit.parents.len() > 1 {
        return past;
    }
    if is_of_agent(commit) {
        past.ours.insert(tag);
        return past;
    }
    past.rejected.remove(&tag);
    if let Some(old) = old.filter(|old| past.ours.contains(old)) {
        past.rejected.insert(old, commit.committed);
    }
    past
}

/// What several parents say together.
fn joined(parents: &[&Past]) -> Past {
    let Some((first, others)) = parents.split_first() else {
        return Past::default();
    };
    let mut joined = (*first).clone();
    for other in others {
        joined.is_unclear |= other.is_unclear || other.rejected != joined.rejected || other.tag != joined.tag;
        joined.ours.extend(other.ours.iter().cloned());
        joined.rejected.extend(other.rejected.clone());
        joined.was_away |= other.was_away;
    }
    joined
}

/// Whether a commit lifts the holds of a workload.
fn lifts(message: &str, key: &Key) -> bool {
    message.lines().any(|line| {
        let words = line.strip_prefix("Tidegate-Resume: ");
        words.is_some_and(|words| words == "all" || words.contains(&format!(" name={} ", key.name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(id: &str, is_of_agent: bool) -> Commit {
        Commit {
            id: id.to_owned(),
            parents: vec!["p".to_owned()],
            author: if is_of_agent { AGENT } else { "Operator" }.to_owned(),
            committer: String::new(),
            committed: 5,
            subject: String::new(),
            message: String::new(),
        }
    }

    #[test]
    fn a_tag_that_a_person_takes_back_is_rejected_until_a_person_writes_it_again() {
        let key = Key {
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
        };
        let tag = |tag: &str| Some(tag.to_owned());
        let past = step(Past::default(), &commit("1", false), &key, tag("a"));
        let past = step(past, &commit("2", true), &key, tag("b"));
        assert!(past.rejected.is_empty());
        let past = step(past, &commit("3", false), &key, tag("a"));
        assert_eq!(past.rejected, BTreeMap::from([("b".to_owned(), 5)]));
        let again = step(past.clone(), &commit("4", false), &key, tag("b"));
        assert!(again.rejected.is_empty() && !again.is_unclear);
        let away = step(past, &commit("4", false), &key, None);
        assert!(!away.is_unclear && step(away, &commit("5", false), &key, tag("a")).is_unclear);
    }
}
