//! The ways in which people take a tag back.

use anyhow::Result;

use super::{Done, files};
use crate::chaos::manifests::{WORKLOADS, image};
use crate::chaos::operation::pick;
use crate::git::WorkCopy;

/// `git revert` of one of the newest commits of the agent.
pub(super) fn revert_bump(copy: &WorkCopy, a: u64) -> Result<Option<Done>> {
    revert_one(copy, &["--author=^Tidegate", "-n", "4"], a)
}

/// `git revert` of one of the newest commits of people, which may be a revert, or of anybody.
pub(super) fn revert(copy: &WorkCopy, a: u64) -> Result<Option<Done>> {
    revert_one(copy, &["--author=^Operator", "-n", "3"], a)
}

fn revert_one(copy: &WorkCopy, which: &[&str], a: u64) -> Result<Option<Done>> {
    let found = copy.git(&[&["log", "--no-merges", "--min-parents=1", "--format=%H"], which].concat())?;
    let found: Vec<&str> = found.lines().collect();
    let Some(commit) = pick(&found, a) else {
        return Ok(None);
    };
    if copy.git(&["revert", "--no-edit", commit]).is_err() {
        let _ = copy.git(&["revert", "--abort"]);
        return Ok(None);
    }
    Ok(Some(Done::Commits(format!("Revert {}", &commit[..10]))))
}

/// Writes a tag that was pushed before in place of the tag in the file.
pub(super) fn hand_back(copy: &WorkCopy, a: u64, b: u64, tags: &dyn Fn(u64) -> Vec<String>) -> Result<Option<Done>> {
    let workload = a % WORKLOADS;
    let name = format!("{}:", image(workload));
    for path in files::manifests_of(copy)? {
        let text = copy.read(&path).unwrap_or_default();
        let Some(at) = text.find(&name) else { continue };
        let start = at + name.len();
        let end = start + text[start..].find([' ', '\r', '\n']).unwrap_or_default();
        let known = tags(workload);
        let Some(tag) = pick(&known, b) else {
            return Ok(None);
        };
        if text[start..end] == **tag {
            return Ok(None);
        }
        copy.write(&path, &format!("{}{tag}{}", &text[..start], &text[end..]))?;
        return Ok(Some(Done::Files(format!("Write {tag} into {path}"))));
    }
    Ok(None)
}
