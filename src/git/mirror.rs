//! The bare mirror on disk: a cache of the remote's branch. Whatever is wrong with it, it is thrown away and fetched anew.

use super::error::Error;
use super::settings::Settings;
use super::transport;
use super::trust::Trust;
use super::wire::Wire;
use crate::model::CommitId;
use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, Oid, RemoteUpdateFlags, Repository, RepositoryInitOptions,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// The whole history of a large repository over a slow line; idle lines are cut much sooner.
const LONGEST_FETCH: Duration = Duration::from_secs(15 * 60);
/// Fetches of a few commits leave a small pack each; with this many of them lookups get slow, and one fetch anew is cheap.
const MOST_PACKS: usize = 400;

const FOLDER: &str = "config-repo.";
const FOLDER_END: &str = ".git";

pub(super) struct Mirror {
    pub settings: Arc<Settings>,
    pub wire: Arc<Wire>,
    pub runtime: Handle,
    pub trust: Arc<Trust>,
    role: Role,
    state: Arc<State>,
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

/// What the two threads know of the mirror on disk.
#[derive(Debug)]
pub(super) struct State {
    /// Something in it could not be read: the next fetch starts anew.
    damaged: AtomicBool,
    /// Each new mirror has a folder of its own: libgit2 caches packs by path for the whole process, and a pack fetched
    /// anew has the same name as the damaged one.
    generation: AtomicU64,
}

impl State {
    pub(super) fn read(mirror_dir: &Path) -> Self {
        let entries = std::fs::read_dir(mirror_dir).ok().into_iter().flatten().flatten();
        let generations = entries.filter_map(|entry| generation_of(entry.file_name().to_str()?));
        Self {
            damaged: AtomicBool::new(false),
            generation: AtomicU64::new(generations.max().unwrap_or(0)),
        }
    }
}

impl Mirror {
    pub(super) fn new(
        settings: Arc<Settings>,
        wire: Arc<Wire>,
        runtime: Handle,
        trust: Arc<Trust>,
        role: Role,
        state: Arc<State>,
    ) -> Self {
        Self {
            settings,
            wire,
            runtime,
            trust,
            role,
            state,
            open: None,
        }
    }

    /// Works on the repository; a failure that smells of damage is remembered, so that the next fetch starts anew.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&Repository) -> Result<T, Error>) -> Result<T, Error> {
        let result = self.repository().and_then(work);
        if result.as_ref().is_err_and(Error::is_damage) {
            self.state.damaged.store(true, Ordering::Relaxed);
            self.open = None;
        }
        result
    }

    /// Asks the server for the branch's tip and fetches what is missing of its history.
    pub(super) fn fetch(&mut self) -> Result<CommitId, Error> {
        if self.state.damaged.swap(false, Ordering::Relaxed) || self.is_littered() {
            self.throw_away()?;
        }
        match self.fetch_once() {
            Err(error) if error.is_damage() => {
                self.throw_away()?;
                self.fetch_once()
            }
            other => other,
        }
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
        let limit = settings.timeout.saturating_mul(2);
        self.with(|repo| {
            transport::run(&wire, &runtime, limit, "read the remote's branches", || {
                let mut remote = repo.remote_anonymous(&settings.url.to_string())?;
                let connection = remote.connect_auth(Direction::Fetch, None, None)?;
                Ok(advertised(connection.list()?, &settings))
            })?
        })
    }

    fn fetch_once(&mut self) -> Result<CommitId, Error> {
        let (wire, runtime, settings) = (Arc::clone(&self.wire), self.runtime.clone(), Arc::clone(&self.settings));
        let tracking = self.tracking();
        let repo = self.repository()?;
        let fetched = transport::run(&wire, &runtime, LONGEST_FETCH, "fetch the branch", || {
            let mut remote = repo.remote_anonymous(&settings.url.to_string())?;
            let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
            let tip = match advertised(connection.list()?, &settings) {
                Ok(tip) => tip,
                Err(error) => return Ok(Err(error)),
            };
            if repo.refname_to_id(&tracking).is_ok_and(|known| known == tip) && repo.find_commit(tip).is_ok() {
                return Ok(Ok(tip));
            }
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None);
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
        let generation = self.state.generation.load(Ordering::Acquire);
        let folder = self.folder();
        let current = self
            .open
            .take()
            .filter(|(opened, _)| *opened == generation && folder.join("HEAD").exists());
        let current = match current {
            Some(current) => current,
            None if self.role == Role::Writer => (generation, open_or_create(&folder)?),
            None if !folder.join("HEAD").exists() => {
                return Err(Error::NotFetched {
                    url: self.settings.url.to_string(),
                });
            }
            None => {
                let opened = Repository::open_bare(&folder);
                (
                    generation,
                    opened.map_err(|source| Error::Git {
                        doing: "open the mirror",
                        source,
                    })?,
                )
            }
        };
        Ok(&self.open.insert(current).1)
    }

    fn folder(&self) -> PathBuf {
        let generation = self.state.generation.load(Ordering::Acquire);
        self.settings
            .mirror_dir
            .join(format!("{FOLDER}{generation}{FOLDER_END}"))
    }

    fn throw_away(&mut self) -> Result<(), Error> {
        self.open = None;
        let path = self.folder();
        self.state.generation.fetch_add(1, Ordering::AcqRel);
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Mirror { path, source }),
            _ => Ok(()),
        }
    }

    fn is_littered(&self) -> bool {
        std::fs::read_dir(self.folder().join("objects/pack")).is_ok_and(|entries| entries.count() > MOST_PACKS * 2)
    }
}

fn generation_of(folder: &str) -> Option<u64> {
    folder.strip_prefix(FOLDER)?.strip_suffix(FOLDER_END)?.parse().ok()
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

fn open_or_create(folder: &Path) -> Result<Repository, Error> {
    clear_leftovers(folder);
    if let Ok(repo) = Repository::open_bare(folder) {
        return Ok(repo);
    }
    let unusable = |source| Error::Mirror {
        path: folder.to_owned(),
        source,
    };
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(unusable(source)),
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false);
    Repository::init_opts(folder, &options).map_err(|source| Error::Git {
        doing: "create the mirror",
        source,
    })
}

/// Locks and half-written packs of a process that was killed; nobody else writes here.
fn clear_leftovers(folder: &Path) {
    let leftover = |name: &str| name.ends_with(".lock") || name.starts_with("tmp_") || name.starts_with("pack_");
    let mut folders = vec![folder.to_owned(), folder.join("objects/pack")];
    folders.extend(["refs", "refs/remotes", "refs/remotes/origin"].map(|name| folder.join(name)));
    for entry in folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
    {
        if entry.file_name().to_str().is_some_and(leftover) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
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
