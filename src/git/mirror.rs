//! The bare mirror on disk: a cache of the remote's branch. Whatever is wrong with it, it is thrown away and fetched anew.

use super::error::Error;
use super::folder::{self, Folder};
use super::settings::Settings;
use super::transport::{self, Whole};
use super::trust::Trust;
use super::wire::Wire;
use crate::model::CommitId;
use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, Oid, RemoteUpdateFlags, Repository, RepositoryInitOptions,
    RepositoryOpenFlags,
};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;

pub(super) struct Mirror {
    pub settings: Arc<Settings>,
    pub wire: Arc<Wire>,
    pub runtime: Handle,
    pub trust: Arc<Trust>,
    role: Role,
    folder: Arc<Folder>,
    open: Option<(u64, Repository)>,
}

/// Which of the two threads it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Makes, fills, clears and deletes the folder.
    Writer,
    /// Only reads what is there.
    Reader,
}

/// How much of the history a fetch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// What is missing above what is there.
    New,
    /// So many commits from the tip back, whatever is there.
    Commits(i32),
}

/// What git takes for everything there is.
const ALL: i32 = i32::MAX;

impl Mirror {
    pub(super) fn new(
        settings: Arc<Settings>,
        wire: Arc<Wire>,
        runtime: Handle,
        trust: Arc<Trust>,
        role: Role,
        folder: Arc<Folder>,
    ) -> Self {
        Self {
            settings,
            wire,
            runtime,
            trust,
            role,
            folder,
            open: None,
        }
    }

    /// Works on the repository; a failure that smells of damage is remembered, so that the next fetch starts anew.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&Repository) -> Result<T, Error>) -> Result<T, Error> {
        let result = self.repository().and_then(work);
        if result.as_ref().is_err_and(|error| self.calls_for_a_new_one(error)) {
            self.folder.damaged.store(true, Ordering::Relaxed);
            self.open = None;
        }
        result.map_err(|error| error.at(self.place()))
    }

    /// The next work opens the mirror anew.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Asks the server for the branch's tip and fetches what is missing of its history.
    pub(super) fn fetch(&mut self) -> Result<CommitId, Error> {
        let fetched = self.mend_and_fetch(Depth::New);
        self.folder.fetched.fetch_or(fetched.is_ok(), Ordering::Relaxed);
        if let Ok(tip) = &fetched {
            let branch = self.settings.branch.full();
            self.runtime.block_on(self.wire.get_ready(&branch, &tip.to_string()));
        }
        fetched
    }

    /// Fetches twice as much history as there is; all of it, if `all`. False if nothing more is known then, not even of the
    /// parents of a commit that was there.
    pub(super) fn deepen(&mut self, all: bool) -> Result<bool, Error> {
        let known = self.known()?;
        let depth = match i32::try_from(known.saturating_mul(2)) {
            Ok(depth) if !all => depth.max(2),
            _ => ALL,
        };
        tracing::debug!(known, depth, "fetching more of the history");
        let deepened = self.mend_and_fetch(Depth::Commits(depth)).map(drop);
        self.open = None;
        self.folder.changed();
        deepened?;
        Ok(self.known()? > known || !self.with(|repo| Ok(repo.is_shallow()))?)
    }

    /// How many of the branch's commits are there.
    pub(super) fn known(&mut self) -> Result<usize, Error> {
        let tracking = self.tracking();
        self.with(|repo| {
            let count = || {
                let mut walk = repo.revwalk()?;
                walk.push_ref(&tracking)?;
                Ok(walk.count())
            };
            count().map_err(|source| Error::Git {
                doing: "count the commits that are there",
                source,
            })
        })
    }

    /// The name under which the mirror keeps the remote's branch.
    pub(super) fn tracking(&self) -> String {
        format!("refs/remotes/origin/{}", self.settings.branch)
    }

    /// Puts the tracking ref where the remote's branch is known to be.
    pub(super) fn note_tip(&mut self, tip: Oid) -> Result<(), Error> {
        let tracking = self.tracking();
        self.with(|repo| {
            let noted = repo.reference(&tracking, tip, true, "pushed");
            noted.map(drop).map_err(|source| Error::Git {
                doing: "note the branch's tip in the mirror",
                source,
            })
        })
    }

    /// The remote's tip as the server says now.
    pub(super) fn remote_tip(&mut self) -> Result<Oid, Error> {
        let (wire, runtime, settings) = (Arc::clone(&self.wire), self.runtime.clone(), Arc::clone(&self.settings));
        let limit = Whole {
            time: settings.timeout.saturating_mul(2),
            size: settings.limits.size,
        };
        self.with(|repo| {
            transport::run(&wire, &runtime, limit, "read the remote's branches", || {
                let mut remote = repo.remote_anonymous(&settings.url.to_string())?;
                let connection = remote.connect_auth(Direction::Fetch, None, None)?;
                Ok(advertised(connection.list()?, &settings))
            })?
        })
    }

    fn mend_and_fetch(&mut self, depth: Depth) -> Result<CommitId, Error> {
        if self.folder.damaged.swap(false, Ordering::Relaxed) || self.folder.is_littered() {
            self.throw_away()?;
        }
        let fetched = match self.fetch_once(depth) {
            Err(error) if self.calls_for_a_new_one(&error) => {
                let error = error.at(self.place());
                tracing::info!(%error, cause = ?std::error::Error::source(&error).map(ToString::to_string), "the mirror is thrown away and fetched anew");
                self.throw_away()?;
                self.fetch_once(depth)
            }
            other => other,
        };
        fetched.map_err(|error| error.at(self.place()))
    }

    fn fetch_once(&mut self, depth: Depth) -> Result<CommitId, Error> {
        let (wire, runtime, settings) = (Arc::clone(&self.wire), self.runtime.clone(), Arc::clone(&self.settings));
        let tracking = self.tracking();
        let repo = self.repository()?;
        let known = repo.refname_to_id(&tracking).ok();
        let depth = match (depth, known, settings.limits.depth) {
            (Depth::New, None, Some(depth)) => Depth::Commits(i32::try_from(depth.get()).unwrap_or(ALL)),
            (depth, _, _) => depth,
        };
        let fetched = transport::run(&wire, &runtime, settings.limits.whole(), "fetch the branch", || {
            let mut remote = repo.remote_anonymous(&settings.url.to_string())?;
            let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
            let tip = match advertised(connection.list()?, &settings) {
                Ok(tip) => tip,
                Err(error) => return Ok(Err(error)),
            };
            if depth == Depth::New && known == Some(tip) && repo.find_commit(tip).is_ok() {
                return Ok(Ok(tip));
            }
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None);
            if let Depth::Commits(depth) = depth {
                options.depth(depth);
            }
            let refspec = format!("+{}:{tracking}", settings.branch.full());
            connection.remote().download(&[refspec.as_str()], Some(&mut options))?;
            connection
                .remote()
                .update_tips(None, RemoteUpdateFlags::empty(), AutotagOption::None, Some("fetch"))?;
            Ok(Ok(tip))
        })??;
        check(repo, &tracking, fetched).map_err(|source| Error::Git {
            doing: "read what was fetched",
            source,
        })?;
        Ok(commit_id(fetched))
    }

    fn repository(&mut self) -> Result<&Repository, Error> {
        let current = match self.role {
            Role::Writer => Some(self.folder.take()?),
            Role::Reader => self.folder.current().filter(|(path, _)| path.join("HEAD").exists()),
        };
        let Some((path, revision)) = current else {
            return Err(Error::NotFetched {
                url: self.settings.url.to_string(),
            });
        };
        let open = self
            .open
            .take()
            .filter(|(opened, _)| *opened == revision && path.join("HEAD").exists());
        let open = match open {
            Some(open) => open,
            None if self.role == Role::Writer => (revision, open_or_create(&path)?),
            None => {
                let opened = open_mirror(&path).map_err(|source| Error::Git {
                    doing: "open the mirror",
                    source,
                });
                (revision, opened?)
            }
        };
        Ok(&self.open.insert(open).1)
    }

    fn throw_away(&mut self) -> Result<(), Error> {
        self.open = None;
        self.folder.throw_away()
    }

    /// Damage does, and a full disk if the mirror has grown since it was fetched: then the new one needs less room.
    fn calls_for_a_new_one(&self, error: &Error) -> bool {
        error.is_damage() || error.is_full() && self.folder.has_grown()
    }

    fn place(&self) -> PathBuf {
        self.folder
            .current()
            .map_or_else(|| self.settings.mirror_dir.clone(), |(path, _)| path)
    }
}

fn check(repo: &Repository, tracking: &str, tip: Oid) -> Result<(), git2::Error> {
    let noted = repo.refname_to_id(tracking)?;
    if noted != tip {
        return Err(git2::Error::new(
            ErrorCode::Modified,
            git2::ErrorClass::Reference,
            format!("{tracking} is {noted}, the server said {tip}"),
        ));
    }
    repo.find_commit(tip)?.tree().map(drop)
}

fn advertised(heads: &[git2::RemoteHead<'_>], settings: &Settings) -> Result<Oid, Error> {
    let wanted = settings.branch.full();
    if let Some(head) = heads.iter().find(|head| head.name() == wanted) {
        return Ok(head.oid());
    }
    let branches: Vec<&str> = heads
        .iter()
        .filter_map(|head| head.name().strip_prefix("refs/heads/"))
        .collect();
    Err(Error::no_branch(settings, &branches))
}

/// `open_bare` does not look at where a history that was fetched in part ends.
pub(super) fn open_mirror(path: &Path) -> Result<Repository, git2::Error> {
    let none: [&OsStr; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH, none)
}

fn open_or_create(path: &Path) -> Result<Repository, Error> {
    folder::clear_leftovers(path);
    if let Ok(repo) = open_mirror(path) {
        return Ok(repo);
    }
    let unusable = |source| Error::Mirror {
        path: path.to_owned(),
        source,
    };
    folder::remove(path).map_err(unusable)?;
    std::fs::create_dir_all(path).map_err(unusable)?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false);
    Repository::init_opts(path, &options).map_err(|source| Error::Git {
        doing: "create the mirror",
        source,
    })
}

pub(super) fn commit_id(id: Oid) -> CommitId {
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    CommitId::from_bytes(bytes)
}

pub(super) fn oid(bytes: &[u8; 20]) -> Result<Oid, Error> {
    Oid::from_bytes(bytes).map_err(|source| Error::Git {
        doing: "read an object's id",
        source,
    })
}
