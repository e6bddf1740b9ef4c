//! Fetches into the mirror: the followed branch, more of its history, and proposal branches.

use super::branch_fetch::BranchFetch;
use super::error::Error;
use super::repository::{Mirror, tracking};
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::objects::error::Error as ObjectsError;
use crate::git::objects::ids::commit_id;
use crate::git::protocol::push_reply::NO_COMMIT;
use crate::git::protocol::push_standby::prepare_next;
use crate::git::settings::Settings;
use crate::git::transport::connection::Connection;
use crate::git::transport::libgit2::call::TransferLimits;
use crate::model::{BranchName, CommitId, with_causes};
use git2::{ErrorClass, ErrorCode, Oid, Repository};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;

/// The depth that git takes for the whole history.
const WHOLE_HISTORY: i32 = i32::MAX;
/// A proposal branch has one commit, or one for each workload.
const PROPOSAL_COMMITS: usize = 100;

impl Mirror {
    /// Asks the server for the tip of the followed branch and fetches what is missing of its history.
    pub(crate) fn fetch(&mut self) -> Result<CommitId, Error> {
        let fetched = match self.fetch_or_replace(None) {
            // The newest commit may be a revert, and what it reverts stays in the history.
            Err(error) if error.is_huge_object() => {
                let error = with_causes(&error);
                tracing::warn!(
                    error,
                    "the history cannot be fetched; the newest commit is fetched alone"
                );
                self.fetch_or_replace(Some(1))
            }
            other => other,
        };
        self.dir.is_fetched.fetch_or(fetched.is_ok(), Ordering::Relaxed);
        if let Ok(tip) = &fetched {
            let (branch, tip) = (self.settings.branch.full(), tip.to_string());
            self.runtime.block_on(prepare_next(&self.connection, &branch, &tip));
        }
        fetched
    }

    /// Fetches twice as much history as there is, or the whole history. False if nothing more is known afterwards, not even the
    /// parents of a commit that was there before; also if some of it is too large to be fetched, unless the whole is needed.
    pub(crate) fn deepen(&mut self, whole: bool) -> Result<bool, Error> {
        let known = self.count_commits()?;
        let depth = match i32::try_from(known.saturating_mul(2)) {
            Ok(depth) if !whole => depth.max(2),
            _ => WHOLE_HISTORY,
        };
        tracing::debug!(known, depth, "fetching more of the history");
        let deepened = self.fetch_or_replace(Some(depth)).map(drop);
        self.close();
        self.dir.mark_changed();
        if !whole && deepened.as_ref().is_err_and(Error::is_huge_object) {
            return Ok(false);
        }
        deepened?;
        Ok(self.count_commits()? > known || !self.is_shallow()?)
    }

    /// The tip of the followed branch as the server says now.
    pub(crate) fn remote_tip(&mut self) -> Result<Oid, Error> {
        let (connection, runtime, settings, budget) = self.shared();
        let fetch = BranchFetch {
            connection: &connection,
            runtime: &runtime,
            branch: &settings.branch,
            limits: TransferLimits {
                time: settings.timeout.saturating_mul(2),
                size: settings.limits.size,
            },
            budget: &budget,
            depth: None,
            doing: "read the remote's branches",
        };
        let tip = self.with(|repo| fetch.run(repo, |_| false))?;
        Ok(tip?)
    }

    /// Asks the server for the tip of a proposal branch and fetches the branch; `None` if there is no such branch. `again`: the
    /// branch is fetched although its tip is there.
    ///
    /// If the history of the mirror is bounded, so is the history of the proposal branch. Its bound is never nearer than what is
    /// known of the followed branch, because the fetch would move the bound of that branch, too.
    pub(crate) fn fetch_proposal_branch(
        &mut self,
        branch: &BranchName,
        again: bool,
    ) -> Result<Option<CommitId>, Error> {
        let depth = match self.is_shallow()? {
            true => i32::try_from(self.count_commits()?.saturating_add(PROPOSAL_COMMITS)).ok(),
            false => None,
        };
        let (connection, runtime, settings, budget) = self.shared();
        let fetch = BranchFetch {
            connection: &connection,
            runtime: &runtime,
            branch,
            limits: settings.limits.of_transfer(),
            budget: &budget,
            depth,
            doing: "fetch the proposal branch",
        };
        let tip = self.with(|repo| fetch.run(repo, |tip| again || repo.find_commit(tip).is_err()))?;
        let tip = tip.ok();
        let old = tip.map_or_else(|| NO_COMMIT.to_owned(), |tip| tip.to_string());
        runtime.block_on(prepare_next(&connection, &branch.full(), &old));
        Ok(tip.map(commit_id))
    }

    /// What an exchange with the server needs while the mirror is borrowed.
    fn shared(&self) -> (Arc<Connection>, Handle, Arc<Settings>, Arc<Budget>) {
        (
            Arc::clone(&self.connection),
            self.runtime.clone(),
            Arc::clone(&self.settings),
            Arc::clone(&self.budget),
        )
    }

    fn is_shallow(&mut self) -> Result<bool, Error> {
        self.with(|repo| Ok::<_, Error>(repo.is_shallow()))
    }

    /// How many commits of the followed branch are there.
    fn count_commits(&mut self) -> Result<usize, Error> {
        let (tracking, budget) = (tracking(&self.settings.branch), Arc::clone(&self.budget));
        let failed = Libgit2Error::doing("count the commits that are there");
        self.with(|repo| {
            let mut walk = repo.revwalk().map_err(failed)?;
            walk.push_ref(&tracking).map_err(failed)?;
            let mut count = 0_usize;
            for commit in walk {
                commit.map_err(failed)?;
                budget.step().map_err(ObjectsError::from)?;
                count += 1;
            }
            Ok::<_, Error>(count)
        })
    }

    /// Fetches the followed branch. A mirror that cannot be used, or has gathered too many files, is replaced.
    fn fetch_or_replace(&mut self, depth: Option<i32>) -> Result<CommitId, Error> {
        if self.dir.is_damaged.swap(false, Ordering::Relaxed) || self.dir.is_littered() {
            self.throw_away()?;
        }
        let fetched = match self.fetch_once(depth) {
            Err(error) if self.calls_for_a_new_mirror(&error) => {
                let error = error.with_path(self.path());
                tracing::info!(error = with_causes(&error), "the mirror is removed and fetched again");
                self.throw_away()?;
                self.fetch_once(depth)
            }
            other => other,
        };
        fetched.map_err(|error| error.with_path(self.path()))
    }

    fn fetch_once(&mut self, depth: Option<i32>) -> Result<CommitId, Error> {
        let (connection, runtime, settings, budget) = self.shared();
        let repo = self.repository()?;
        let known = repo.refname_to_id(&tracking(&settings.branch)).ok();
        let initial = settings.limits.depth.filter(|_| known.is_none());
        let initial = initial.map(|depth| i32::try_from(depth.get()).unwrap_or(WHOLE_HISTORY));
        let depth = depth.or(initial);
        let fetch = BranchFetch {
            connection: &connection,
            runtime: &runtime,
            branch: &settings.branch,
            limits: settings.limits.of_transfer(),
            budget: &budget,
            depth,
            doing: "fetch the branch",
        };
        let is_there = |tip| known == Some(tip) && repo.find_commit(tip).is_ok();
        let tip = fetch.run(repo, |tip| depth.is_some() || !is_there(tip))??;
        check(repo, &settings.branch, tip).map_err(Libgit2Error::doing("read what was fetched"))?;
        Ok(commit_id(tip))
    }
}

/// Requires that the mirror has the tip that the server has named.
fn check(repo: &Repository, branch: &BranchName, tip: Oid) -> Result<(), git2::Error> {
    let tracking = tracking(branch);
    let noted = repo.refname_to_id(&tracking)?;
    if noted != tip {
        return Err(git2::Error::new(
            ErrorCode::Modified,
            ErrorClass::Reference,
            format!("{tracking} is {noted}, but the server has advertised {tip}"),
        ));
    }
    repo.find_commit(tip)?.tree().map(drop)
}
