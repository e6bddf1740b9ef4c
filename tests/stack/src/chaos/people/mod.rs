//! People at work in the repository.
//!
//! Each action starts from the branch's head, and is made again if somebody else pushed in between.

mod branches;
mod files;
mod odd_entries;
mod rollbacks;
mod style;

use anyhow::{Result, bail};

use super::operation::{Kind, Operation};
use super::world::World;
use crate::git::WorkCopy;

/// How often a person tries again after a push that lost a race.
const ATTEMPTS: usize = 8;

/// Carries an operation out; what was done, or `None` if there was nothing to do it to.
pub(super) fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    let namespace = world.name.clone();
    let newest = |workload: u64| {
        let pushes = world.registry.pushes.iter().filter(|push| push.workload == workload);
        pushes.map(|push| push.tag.clone()).collect::<Vec<_>>()
    };
    let (copy, keys) = (&world.person, &world.keys);
    commit(copy, |copy| match kind {
        Kind::GitEdit => files::edit(copy, a, b),
        Kind::GitAdd => files::add(copy, &namespace, a, b),
        Kind::GitRemove => files::remove(copy, a),
        Kind::GitMove => files::relocate(copy, a, b),
        Kind::GitBreak => files::break_or_mend(copy, a, b),
        Kind::GitRemoveMany => files::remove_many(copy, a),
        Kind::GitOdd => odd_entries::add_or_remove(copy, &namespace, a, b),
        Kind::GitRelease => files::release(copy, &namespace, a, b),
        Kind::GitSops => odd_entries::encrypt(copy, keys, &namespace, a, b),
        Kind::GitStyle => style::change(copy, a, b),
        Kind::GitMerge => branches::merge(copy, a, b),
        Kind::GitRewrite => branches::rewrite(copy, a, b),
        Kind::GitRevertBump => rollbacks::revert_bump(copy, a),
        Kind::GitRevert => rollbacks::revert(copy, a),
        Kind::GitHandBack => rollbacks::hand_back(copy, a, b, &newest),
        _ => Ok(None),
    })
}

/// What an action did to the work copy.
pub(super) enum Done {
    /// It changed files, which are not committed yet.
    Files(String),
    /// It made commits.
    Commits(String),
    /// It made another history, which replaces the branch.
    History(String),
}

/// Starts from the head, acts, commits and pushes, until no one else is in between.
fn commit(copy: &WorkCopy, action: impl Fn(&WorkCopy) -> Result<Option<Done>>) -> Result<Option<String>> {
    for _ in 0..ATTEMPTS {
        copy.git(&["fetch", "-q", "origin", "main"])?;
        copy.git(&["reset", "-q", "--hard", "FETCH_HEAD"])?;
        copy.git(&["clean", "-q", "-d", "--force", "--force"])?;
        let text = match action(copy)? {
            None => return Ok(None),
            Some(Done::Commits(text)) => text,
            Some(Done::History(text)) => {
                // The agent may push in the same moment.
                match copy.git(&["push", "-q", "--force", "origin", "HEAD:main"]) {
                    Ok(_) => return Ok(Some(text)),
                    Err(_) => continue,
                }
            }
            Some(Done::Files(text)) => {
                copy.git(&["add", "--all"])?;
                if copy.git(&["status", "--porcelain"])?.is_empty() {
                    return Ok(None);
                }
                copy.git(&["commit", "-q", "-m", &text])?;
                text
            }
        };
        if copy.git(&["push", "-q", "origin", "HEAD:main"]).is_ok() {
            return Ok(Some(format!("{} {text}", &copy.head()?[..10])));
        }
    }
    bail!("a person lost the race for the branch {ATTEMPTS} times")
}
