//! Merges, and histories that are written anew.

use anyhow::Result;

use super::{Done, files};
use crate::git::WorkCopy;

/// Merges a branch that began some commits ago and changes a file.
pub(super) fn merge(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let start = format!("HEAD~{}", b % 4 + 1);
    let head = copy.head()?;
    if copy.git(&["checkout", "-q", "--detach", &start]).is_err() {
        return Ok(None);
    }
    let edited = files::edit(copy, a, b)?;
    if edited.is_none() || copy.git(&["commit", "-q", "-a", "-m", "Work on a branch"]).is_err() {
        copy.git(&["checkout", "-q", "--force", "main"])?;
        return Ok(None);
    }
    let side = copy.head()?;
    copy.git(&["checkout", "-q", "--force", "main"])?;
    copy.git(&["reset", "-q", "--hard", &head])?;
    let merged = match b % 3 {
        0 => copy
            .git(&["merge", "-q", "--squash", &side])
            .and_then(|_| copy.git(&["commit", "-q", "-m", "Squash a branch"])),
        1 => copy.git(&["cherry-pick", &side]),
        _ => copy.git(&["merge", "-q", "--no-ff", "-m", "Merge a branch", &side]),
    };
    if merged.is_err() {
        copy.git(&["reset", "-q", "--hard", &head])?;
        return Ok(None);
    }
    Ok(Some(Done::Commits("Merge a branch".to_owned())))
}

/// Makes one commit of the newest ones, or takes them away.
pub(super) fn rewrite(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let back = format!("HEAD~{}", b % 3 + 1);
    if copy.git(&["rev-parse", "-q", "--verify", &back]).is_err() {
        return Ok(None);
    }
    if a.is_multiple_of(2) {
        copy.git(&["reset", "-q", "--hard", &back])?;
        return Ok(Some(Done::History(format!("git reset --hard {back}"))));
    }
    copy.git(&["reset", "-q", "--soft", &back])?;
    copy.git(&["commit", "-q", "--allow-empty", "-m", "Squash the newest commits"])?;
    Ok(Some(Done::History(format!("squash {back}"))))
}
