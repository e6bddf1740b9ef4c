//! Which tags of a field people have taken back, by a replay of the history.

use crate::agent::simulation::git_server::{AGENT, GitServer};
use crate::agent::simulation::manifests::Declared;
use crate::model::CommitId;
use jiff::Timestamp;
use std::collections::BTreeMap;

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
    let mut past = Past::default();
    // Where in the line the agent set each tag last, and where people took each tag back.
    let (mut ours, mut taken_back) = (BTreeMap::new(), BTreeMap::new());
    let mut current: Option<String> = None;
    let (mut is_gone, mut left_at) = (false, None);
    for (at, commit) in line.into_iter().enumerate() {
        if lifts(&commit.message, key) {
            past.rejected.clear();
        }
        let Some(Declared::Workload { tag, .. }) = commit.declares.objects.get(key) else {
            // An emptied branch has no file that could hold it, though nothing is concluded from such a branch in the cluster.
            is_gone |= current.is_some() && (commit.declares.complete || commit.tree.is_empty());
            // The field has left its tag already where a person broke the file.
            left_at = left_at.or(current.as_ref().map(|_| commit.time));
            continue;
        };
        let left_at = left_at.take().unwrap_or(commit.time);
        past.is_unclear |= is_gone;
        let before = current.replace(tag.clone());
        if before.as_ref() == Some(tag) {
            continue;
        }
        if commit.author == AGENT {
            ours.insert(tag.clone(), at);
            continue;
        }
        // Who takes a rejected tag up again leaves what stood there meanwhile, and rejects that only if the agent had set it.
        let taken_up = past.rejected.remove(tag).and_then(|_| taken_back.get(tag).copied());
        let set_at = before.as_ref().and_then(|before| ours.get(before)).copied();
        if let (Some(before), Some(set_at)) = (before, set_at)
            && taken_up.is_none_or(|taken_up| set_at > taken_up)
        {
            taken_back.insert(before.clone(), at);
            past.rejected.insert(before, left_at);
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
