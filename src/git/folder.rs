//! Where the mirror lies on disk, and who may write there.
//!
//! A process takes the folder for itself by a lock that the system gives back when the process ends, however it ends. A
//! second process that is told to use the same folder finds it taken and works in one of its own below it, `beside.1` and
//! so on; what a dead neighbour left there is removed by the next one that comes.

use super::error::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const NAME: &str = "config-repo.";
const NAME_END: &str = ".git";
const LOCK: &str = "lock";
const BESIDE: &str = "beside.";
/// A handful of commands at once beside an agent; more of them share nothing by accident.
const MOST_NEIGHBOURS: usize = 64;
/// Fetches of a few commits leave a small pack each; with this many of them lookups get slow, and one fetch anew is cheap.
const MOST_PACKS: usize = 400;
/// Our own commits are loose objects, spread evenly over 256 folders; this many in one of them are some 25,000 in all.
const MOST_LOOSE: usize = 100;

/// What the threads of a repository know of the mirror's folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Something in the mirror could not be read: the next fetch starts anew.
    pub damaged: AtomicBool,
    /// It has been fetched since the start.
    pub fetched: AtomicBool,
    /// Handles that were opened at an earlier number see things that are no longer so.
    revision: AtomicU64,
    taken: Mutex<Option<Taken>>,
}

#[derive(Debug)]
struct Taken {
    place: PathBuf,
    /// Each new mirror has a folder of its own: libgit2 caches packs by path for the whole process, and a pack fetched
    /// anew has the same name as the damaged one.
    generation: u64,
    lock: File,
}

impl Taken {
    fn mirror(&self) -> PathBuf {
        self.place.join(format!("{NAME}{}{NAME_END}", self.generation))
    }

    /// Whoever deletes the folder deletes the lock; another process may hold a new one by now.
    fn is_ours(&self) -> bool {
        let ours = self.lock.metadata().ok();
        let there = fs::metadata(self.place.join(LOCK)).ok();
        ours.zip(there).is_some_and(|(ours, there)| is_same(&ours, &there))
    }
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            damaged: AtomicBool::new(false),
            fetched: AtomicBool::new(false),
            revision: AtomicU64::new(0),
            taken: Mutex::new(None),
        }
    }

    /// The mirror's own folder and the revision to open it at; none before it was taken.
    pub(super) fn current(&self) -> Option<(PathBuf, u64)> {
        let revision = self.revision.load(Ordering::Acquire);
        self.taken().as_ref().map(|taken| (taken.mirror(), revision))
    }

    /// The same, taking a folder for this process if it has none. For the writer.
    pub(super) fn take(&self) -> Result<(PathBuf, u64), Error> {
        let mut slot = self.taken();
        let taken = match slot.take().filter(Taken::is_ours) {
            Some(taken) => taken,
            None => {
                self.revision.fetch_add(1, Ordering::AcqRel);
                take(&self.root)?
            }
        };
        let mirror = taken.mirror();
        *slot = Some(taken);
        Ok((mirror, self.revision.load(Ordering::Acquire)))
    }

    /// Handles that are open must be opened again.
    pub(super) fn changed(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Removes the mirror; the next one gets another name.
    pub(super) fn throw_away(&self) -> Result<(), Error> {
        let (path, _) = self.take()?;
        if let Some(taken) = self.taken().as_mut() {
            taken.generation += 1;
        }
        self.changed();
        remove(&path).map_err(|source| Error::Mirror { path, source })
    }

    /// So much has gathered that fetching anew is cheaper than going on.
    pub(super) fn is_littered(&self) -> bool {
        let Some((mirror, _)) = self.current() else {
            return false;
        };
        let count = |folder: &str| fs::read_dir(mirror.join("objects").join(folder)).map_or(0, Iterator::count);
        count("pack") > MOST_PACKS * 2 || count("17") > MOST_LOOSE
    }

    /// Whether reading may succeed after a fetch: the mirror is damaged, or was deleted.
    pub(super) fn is_worth_mending(&self, error: &Error) -> bool {
        let gone = matches!(error, Error::NotFetched { .. }) && self.fetched.load(Ordering::Relaxed);
        gone || error.is_damage()
    }

    /// There is more in it than one fetch brings.
    pub(super) fn has_grown(&self) -> bool {
        let Some((mirror, _)) = self.current() else {
            return false;
        };
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name().into_encoded_bytes())
                .collect::<Vec<_>>()
        };
        let packs = names(&mirror.join("objects/pack"));
        let packs = packs.iter().filter(|name| name.ends_with(b".pack")).count();
        packs > 1 || names(&mirror.join("objects")).iter().any(|name| name.len() == 2)
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first place that nobody has, cleared of what others left.
fn take(root: &Path) -> Result<Taken, Error> {
    let beside = |number: usize| root.join(format!("{BESIDE}{number}"));
    let places = std::iter::once(root.to_owned()).chain((1..MOST_NEIGHBOURS).map(beside));
    for place in places {
        let locked = lock(&place).map_err(|source| Error::Mirror {
            path: place.clone(),
            source,
        })?;
        let Some(lock) = locked else { continue };
        if place == root {
            (1..MOST_NEIGHBOURS)
                .map(beside)
                .for_each(|place| remove_abandoned(&place));
        }
        let generation = newest_alone(&place);
        return Ok(Taken {
            place,
            generation,
            lock,
        });
    }
    Err(Error::Mirror {
        path: root.to_owned(),
        source: io::Error::other("too many processes use it at once"),
    })
}

/// Locks a folder, made if it is not there; none if another process has it.
fn lock(place: &Path) -> io::Result<Option<File>> {
    loop {
        fs::create_dir_all(place)?;
        let path = place.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            // File systems without locks are rare, and neighbours on them rarer.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        match fs::metadata(&path) {
            Ok(there) if is_same(&file.metadata()?, &there) => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

fn is_same(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

fn remove_abandoned(place: &Path) {
    if place.exists()
        && let Ok(Some(_lock)) = lock(place)
    {
        let _ = remove(place);
    }
}

/// The newest mirror's number; older ones, whose removal did not succeed then, are removed now.
fn newest_alone(place: &Path) -> u64 {
    let entries = fs::read_dir(place).ok().into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix(NAME)?.strip_suffix(NAME_END)?.parse().ok()
    });
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let newest = numbers.pop().unwrap_or(0);
    for older in numbers {
        let _ = remove(&place.join(format!("{NAME}{older}{NAME_END}")));
    }
    newest
}

/// Removes a folder, or whatever else stands there; its absence is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Locks and half-written packs of a process that was killed; nobody else writes here.
pub(super) fn clear_leftovers(mirror: &Path) {
    let leftover = |name: &str| name.ends_with(".lock") || name.starts_with("tmp_") || name.starts_with("pack_");
    let mut folders = vec![(mirror.to_owned(), false), (mirror.join("objects/pack"), false)];
    folders.push((mirror.join("refs"), true));
    while let Some((folder, deep)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && deep {
                folders.push((entry.path(), true));
            } else if !is_folder && entry.file_name().to_str().is_some_and(leftover) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_get_folders_of_their_own_and_leave_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::new(root.path());
        let mirror = first.take().unwrap().0;
        assert_eq!(mirror, root.path().join("config-repo.0.git"));
        let second = Folder::new(root.path());
        assert_eq!(second.take().unwrap().0, root.path().join("beside.1/config-repo.0.git"));
        let third = Folder::new(root.path());
        assert_eq!(third.take().unwrap().0, root.path().join("beside.2/config-repo.0.git"));
        assert_eq!(first.take().unwrap().0, mirror, "what is taken stays taken");
        drop((first, second));
        let again = Folder::new(root.path());
        assert_eq!(again.take().unwrap().0, mirror);
        assert!(!root.path().join("beside.1").exists(), "abandoned");
        assert!(root.path().join("beside.2").exists(), "in use");
    }

    #[test]
    fn a_folder_that_was_deleted_is_taken_anew_and_not_shared() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::new(root.path());
        let (_, revision) = first.take().unwrap();
        fs::remove_dir_all(root.path()).unwrap();
        let second = Folder::new(root.path());
        assert_eq!(second.take().unwrap().0, root.path().join("config-repo.0.git"));
        let (mirror, later) = first.take().unwrap();
        assert_eq!(mirror, root.path().join("beside.1/config-repo.0.git"));
        assert!(later > revision);
    }

    #[test]
    fn what_is_thrown_away_comes_back_under_another_name_even_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        let (mirror, _) = folder.take().unwrap();
        fs::write(&mirror, "no folder at all").unwrap();
        folder.throw_away().unwrap();
        let (next, _) = folder.current().unwrap();
        assert_eq!(next, root.path().join("config-repo.1.git"));
        fs::create_dir(&next).unwrap();
        fs::create_dir(&mirror).unwrap();
        drop(folder);
        let folder = Folder::new(root.path());
        assert_eq!(folder.take().unwrap().0, next);
        assert!(!mirror.exists());
    }
}
