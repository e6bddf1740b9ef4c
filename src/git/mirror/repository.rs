use super::dir::{self, MirrorDir};
use super::error::Error;
use crate::git::budget::Budget;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::objects::Trust;
use crate::git::settings::Settings;
use crate::git::transport::connection::Connection;
use crate::model::BranchName;
use git2::{Oid, Repository, RepositoryInitOptions, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Handle;

/// One thread's handle of the bare mirror. The mirror is a cache of the remote's branch: a mirror that cannot be used is
/// removed and fetched again.
pub(crate) struct Mirror {
    pub settings: Arc<Settings>,
    pub connection: Arc<Connection>,
    pub runtime: Handle,
    pub trust: Arc<Trust>,
    pub dir: Arc<MirrorDir>,
    /// What the current job may take.
    pub budget: Arc<Budget>,
    role: Role,
    /// The open repository, and the revision of the folder at which it was opened.
    open: Option<(u64, Repository)>,
}

/// What the thread may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Makes, fills, cleans and deletes the folder, and talks to the server.
    Writer,
    /// Reads what the folder has.
    Reader,
}

impl Mirror {
    pub(crate) fn new(
        settings: Arc<Settings>,
        connection: Arc<Connection>,
        runtime: Handle,
        trust: Arc<Trust>,
        dir: Arc<MirrorDir>,
        role: Role,
    ) -> Self {
        Self {
            settings,
            connection,
            runtime,
            trust,
            dir,
            budget: Arc::new(Budget::of(Duration::ZERO)),
            role,
            open: None,
        }
    }

    /// Works on the repository. A failure that may come from damage is remembered, so that the next fetch starts anew.
    pub(crate) fn with<T, E: Into<Error>>(
        &mut self,
        work: impl FnOnce(&Repository) -> Result<T, E>,
    ) -> Result<T, Error> {
        let result = self.repository().and_then(|repo| work(repo).map_err(Into::into));
        if result.as_ref().is_err_and(|error| self.calls_for_a_new_mirror(error)) {
            self.dir.is_damaged.store(true, Ordering::Relaxed);
            self.open = None;
        }
        result.map_err(|error| error.with_path(self.path()))
    }

    /// The repository, opened again if the folder has changed.
    pub(crate) fn repository(&mut self) -> Result<&Repository, Error> {
        let current = match self.role {
            Role::Writer => Some(self.dir.take()?),
            Role::Reader => self.dir.current().filter(|(path, _)| path.join("HEAD").exists()),
        };
        let Some((path, revision)) = current else {
            return Err(Error::NotFetched {
                url: self.settings.url.to_string(),
            });
        };
        let is_current = |opened: u64| opened == revision && path.join("HEAD").exists();
        let open = match self.open.take().filter(|(opened, _)| is_current(*opened)) {
            Some(open) => open,
            None if self.role == Role::Writer => (revision, open_or_create(&path)?),
            None => (revision, open_bare(&path)?),
        };
        Ok(&self.open.insert(open).1)
    }

    /// Makes the next work open the repository again.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    pub(crate) fn throw_away(&mut self) -> Result<(), Error> {
        self.open = None;
        self.dir.throw_away()
    }

    /// Damage calls for a new mirror. So does a full disk if the mirror has grown since it was fetched: a new mirror then
    /// needs less room.
    pub(crate) fn calls_for_a_new_mirror(&self, error: &Error) -> bool {
        error.is_damage() || error.is_full() && self.dir.has_grown()
    }

    /// Sets the tracking reference of the followed branch to a commit that the remote's branch is known to have.
    pub(crate) fn note_tip(&mut self, tip: Oid) -> Result<(), Error> {
        let tracking = tracking(&self.settings.branch);
        self.with(|repo| {
            let noted = repo.reference(&tracking, tip, true, "pushed");
            noted
                .map(drop)
                .map_err(Libgit2Error::doing("note the branch's tip in the mirror"))
        })
    }

    /// The folder, for errors.
    pub(crate) fn path(&self) -> PathBuf {
        let current = self.dir.current();
        current.map_or_else(|| self.settings.mirror_dir.clone(), |(path, _)| path)
    }
}

/// The reference under which the mirror keeps a branch of the remote.
pub(crate) fn tracking(branch: &BranchName) -> String {
    format!("refs/remotes/origin/{branch}")
}

/// Opens the mirror. `Repository::open_bare` would ignore where a history that was fetched in part ends.
pub(crate) fn open_bare(path: &Path) -> Result<Repository, Libgit2Error> {
    let none: [&OsStr; 0] = [];
    let flags = RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH;
    Repository::open_ext(path, flags, none).map_err(Libgit2Error::doing("open the mirror"))
}

fn open_or_create(path: &Path) -> Result<Repository, Error> {
    dir::clear_leftovers(path);
    if let Ok(repo) = open_bare(path) {
        return Ok(repo);
    }
    let unusable = |source| Error::Dir {
        path: path.to_owned(),
        source,
    };
    dir::remove(path).map_err(unusable)?;
    std::fs::create_dir_all(path).map_err(unusable)?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false);
    let created = Repository::init_opts(path, &options);
    Ok(created.map_err(Libgit2Error::doing("create the mirror"))?)
}
