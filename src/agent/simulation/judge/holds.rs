//! Which tags of a field people have taken back, by a replay of the history.

use crate::agent::simulation::git_server::{AGENT, GitServer};
use crate::agent::simulation::manifests::Declared;
use crate::model::CommitId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the history says about the tag of one workload.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The tags that people took back, each with the time of the commit that did so.
    pub(super) rejected: BTreeMap<String, Timestamp>,
    /// The object was removed and came back: what that means for its tags is not judged.
    pub(super) is_unclear: bool,
}

/// Replays the history up to a commit.
pub(super) fn past(git: &GitServer, key: &str, tip: CommitId) -> Past {
    let mut line: Vec<_> = git.line(Some(tip)).map(|(_, commit)| commit).collect();
    line.reverse();
    let (mut past, mut ours) = (Past::default(), BTreeSet::new());
    let mut current: Option<String> = None;
    let mut is_gone = false;
    for commit in line {
        if lifts(&commit.message, key) {
            past.rejected.clear();
        }
        let Some(Declared::Workload { tag, .. }) = commit.declares.objects.get(key) else {
            is_gone |= current.is_some() && commit.declares.complete;
            continue;
        };
        past.is_unclear |= is_gone;
        let before = current.replace(tag.clone());
        if before.as_ref() == Some(tag) {
            continue;
        }
        if commit.author == AGENT {
            ours.insert(tag.clone());
            continue;
        }
        // Who takes a rejected tag up again leaves what stood there meanwhile, and rejects nothing by that.
        let is_taken_up = past.rejected.remove(tag).is_some();
        if let Some(before) = before.filter(|before| ours.contains(before) && !is_taken_up) {
            past.rejected.insert(before, commit.time);
        }
    }
    past
}

/// Whether a commit lifts the holds of a workload.
fn lifts(message: &str, key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    message.lines().any(|line| {
        let words = line.strip_prefix("Tidegate-Resume: ");
        words.is_some_and(|words| words == "all" || words.contains(&format!(" name={name} ")))
    })
}
