use super::repository::tracking;
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::objects::left_out;
use crate::git::protocol::branch_tip::{NoBranch, branch_tip};
use crate::git::transport::connection::Connection;
use crate::git::transport::error::Error;
use crate::git::transport::libgit2::call::{self, TransferLimits};
use crate::model::BranchName;
use git2::{AutotagOption, Direction, FetchOptions, Oid, RemoteCallbacks, RemoteUpdateFlags, Repository};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The most objects of one fetch. libgit2 takes a hundred bytes of memory for each; a hundred thousand commits have 300,000.
const MOST_OBJECTS: usize = 2_000_000;

/// One exchange with the server about one branch: asks for the branch's tip, and fetches the branch if needed.
pub(crate) struct BranchFetch<'a> {
    pub connection: &'a Arc<Connection>,
    pub runtime: &'a Handle,
    pub branch: &'a BranchName,
    pub limits: TransferLimits,
    /// What the job may take that fetches.
    pub budget: &'a Budget,
    /// So many commits from the tip back, whatever the mirror has; `None`: what the mirror lacks.
    pub depth: Option<i32>,
    /// What is attempted, for the error.
    pub doing: &'static str,
}

impl BranchFetch<'_> {
    /// The tip as the server says now. The branch is fetched if `is_needed` says so of the tip.
    pub(crate) fn run(
        &self,
        repo: &Repository,
        is_needed: impl FnOnce(Oid) -> bool,
    ) -> Result<Result<Oid, NoBranch>, Error> {
        let url = &self.connection.endpoint.url;
        let exchanged = call::run(self.connection, self.runtime, self.limits, self.doing, || {
            let mut remote = repo.remote_anonymous(&url.to_string())?;
            let mut connected = remote.connect_auth(Direction::Fetch, None, None)?;
            let heads = connected.list()?.iter().map(|head| (head.name(), head.oid()));
            let tip = match branch_tip(heads, url, self.branch) {
                Ok(tip) => tip,
                Err(error) => return Ok(Err(error)),
            };
            if is_needed(tip) {
                self.download(repo, connected.remote())?;
            }
            Ok(Ok(tip))
        });
        // libgit2 gives a reason of its own when a callback ends the transfer.
        exchanged.map_err(|error| self.budget.look().map_or_else(Error::from, |()| error))
    }

    fn download(&self, repo: &Repository, remote: &mut git2::Remote<'_>) -> Result<(), git2::Error> {
        let mut options = FetchOptions::new();
        options.download_tags(AutotagOption::None);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            let is_bounded = progress.total_objects() <= MOST_OBJECTS;
            if !is_bounded && let Ok(call) = call::current() {
                call.refuse(Error::TooManyObjects {
                    url: self.connection.endpoint.url.to_string(),
                    limit: MOST_OBJECTS,
                });
            }
            is_bounded && self.budget.look().is_ok()
        });
        options.remote_callbacks(callbacks);
        if let Some(depth) = self.depth {
            options.depth(depth);
        }
        let refspec = format!("+{}:{}", self.branch.full(), tracking(self.branch));
        remote.download(&[refspec.as_str()], Some(&mut options))?;
        // Before the branch is moved: a mirror with the branch and without the note would count as damaged.
        let objects = call::current()?.left_out();
        if objects > 0 {
            left_out::note(repo).map_err(Libgit2Error::into_source)?;
            tracing::warn!(
                objects,
                "objects were too large to be fetched; files of that size are not read"
            );
        }
        remote.update_tips(None, RemoteUpdateFlags::empty(), AutotagOption::None, Some("fetch"))
    }
}
