//! The mirror's folder on disk, and which process may write there.
//!
//! A process takes the folder by a lock. The system releases the lock when the process ends, even after a crash. A second
//! process finds the folder taken and works in a subfolder of its own: `beside.1` and so on. The next process that takes the
//! folder removes the subfolders that ended processes left.

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
/// The subfolders of further processes. Existing state folders have this name.
const NEIGHBOUR: &str = "beside.";
/// The most further processes. A few commands may run next to an agent; more processes are a mistake.
const MOST_NEIGHBOURS: usize = 64;
/// Each fetch of a few commits leaves a small pack. With more packs lookups get slow, and fetching anew is cheap.
const MOST_PACKS: usize = 400;
/// Our own commits are loose objects, spread evenly over 256 folders. This number in one folder means some 25,000 in all.
const MOST_LOOSE: usize = 100;

/// The mirror's folder, as all threads of a repository see it.
#[derive(Debug)]
pub(crate) struct MirrorDir {
    root: PathBuf,
    /// Something in the mirror could not be read: the next fetch starts anew.
    pub is_damaged: AtomicBool,
    /// The mirror was fetched since the start.
    pub is_fetched: AtomicBool,
    /// A handle that was opened at an earlier revision is out of date.
    revision: AtomicU64,
    taken: Mutex<Option<Taken>>,
}

#[derive(Debug)]
struct Taken {
    folder: PathBuf,
    /// Each new mirror gets another name: libgit2 caches packs by path for the whole process, and a pack that is fetched again
    /// has the name of the damaged one.
    generation: u64,
    lock: File,
}

impl Taken {
    fn mirror(&self) -> PathBuf {
        self.folder.join(format!("{NAME}{}{NAME_END}", self.generation))
    }

    /// Whether the lock file is still the one that was locked. Deleting the folder deletes the lock file, and another process
    /// may hold a new one by now.
    fn is_ours(&self) -> bool {
        let ours = self.lock.metadata().ok();
        let there = fs::metadata(self.folder.join(LOCK)).ok();
        ours.zip(there).is_some_and(|(ours, there)| is_same(&ours, &there))
    }
}

impl MirrorDir {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            is_damaged: AtomicBool::new(false),
            is_fetched: AtomicBool::new(false),
            revision: AtomicU64::new(0),
            taken: Mutex::new(None),
        }
    }

    /// The mirror and its revision; `None` before the folder was taken.
    pub(crate) fn current(&self) -> Option<(PathBuf, u64)> {
        let revision = self.revision.load(Ordering::Acquire);
        self.taken().as_ref().map(|taken| (taken.mirror(), revision))
    }

    /// The mirror and its revision; takes a folder for this process if it has none. For the writer.
    pub(crate) fn take(&self) -> Result<(PathBuf, u64), Error> {
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

    /// Makes all handles open the mirror again.
    pub(crate) fn mark_changed(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Removes the mirror. The next mirror gets another name.
    pub(crate) fn throw_away(&self) -> Result<(), Error> {
        let (path, _) = self.take()?;
        if let Some(taken) = self.taken().as_mut() {
            taken.generation += 1;
        }
        self.mark_changed();
        remove(&path).map_err(|source| Error::Dir { path, source })
    }

    /// Whether so many files have gathered that fetching anew is cheaper than going on.
    pub(crate) fn is_littered(&self) -> bool {
        let Some((mirror, _)) = self.current() else {
            return false;
        };
        let count = |folder: &str| fs::read_dir(mirror.join("objects").join(folder)).map_or(0, Iterator::count);
        count("pack") > MOST_PACKS * 2 || count("17") > MOST_LOOSE
    }

    /// Whether reading may succeed after a fetch, because the mirror is damaged or was deleted.
    pub(crate) fn fetch_may_help(&self, error: &Error) -> bool {
        let is_gone = matches!(error, Error::NotFetched { .. }) && self.is_fetched.load(Ordering::Relaxed);
        is_gone || error.is_damage()
    }

    /// Whether the mirror has more files than one fetch brings.
    pub(crate) fn has_grown(&self) -> bool {
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

/// Takes the first folder that is free, and removes what dead neighbours left.
fn take(root: &Path) -> Result<Taken, Error> {
    let neighbour = |number: usize| root.join(format!("{NEIGHBOUR}{number}"));
    let folders = std::iter::once(root.to_owned()).chain((1..MOST_NEIGHBOURS).map(neighbour));
    for folder in folders {
        let locked = lock(&folder).map_err(|source| Error::Dir {
            path: folder.clone(),
            source,
        })?;
        let Some(lock) = locked else { continue };
        if folder == root {
            (1..MOST_NEIGHBOURS)
                .map(neighbour)
                .for_each(|folder| remove_abandoned(&folder));
        }
        let generation = keep_newest(&folder);
        return Ok(Taken {
            folder,
            generation,
            lock,
        });
    }
    Err(Error::Dir {
        path: root.to_owned(),
        source: io::Error::other("too many processes use it at once"),
    })
}

/// Creates and locks a folder; `None` if another process has locked it.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    loop {
        fs::create_dir_all(folder)?;
        let path = folder.join(LOCK);
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
        // Another process may have deleted the folder between opening and locking.
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

fn remove_abandoned(folder: &Path) {
    if folder.exists()
        && let Ok(Some(_lock)) = lock(folder)
    {
        let _ = remove(folder);
    }
}

/// The number of the newest mirror. Older mirrors, whose removal failed before, are removed now.
fn keep_newest(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).ok().into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix(NAME)?.strip_suffix(NAME_END)?.parse().ok()
    });
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let newest = numbers.pop().unwrap_or(0);
    for older in numbers {
        let _ = remove(&folder.join(format!("{NAME}{older}{NAME_END}")));
    }
    newest
}

/// Removes a folder, or a file of that name. Nothing to remove is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
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

/// Removes the lock files and half-written packs of a process that was killed. No other process writes here.
pub(crate) fn clear_leftovers(mirror: &Path) {
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
        let first = MirrorDir::new(root.path());
        let mirror = first.take().unwrap().0;
        assert_eq!(mirror, root.path().join("config-repo.0.git"));
        let second = MirrorDir::new(root.path());
        assert_eq!(second.take().unwrap().0, root.path().join("beside.1/config-repo.0.git"));
        let third = MirrorDir::new(root.path());
        assert_eq!(third.take().unwrap().0, root.path().join("beside.2/config-repo.0.git"));
        assert_eq!(first.take().unwrap().0, mirror, "a taken folder stays taken");
        drop((first, second));
        let again = MirrorDir::new(root.path());
        assert_eq!(again.take().unwrap().0, mirror);
        assert!(!root.path().join("beside.1").exists(), "abandoned");
        assert!(root.path().join("beside.2").exists(), "in use");
    }

    #[test]
    fn a_folder_that_was_deleted_is_taken_anew_and_not_shared() {
        let root = tempfile::tempdir().unwrap();
        let first = MirrorDir::new(root.path());
        let (_, revision) = first.take().unwrap();
        fs::remove_dir_all(root.path()).unwrap();
        let second = MirrorDir::new(root.path());
        assert_eq!(second.take().unwrap().0, root.path().join("config-repo.0.git"));
        let (mirror, later) = first.take().unwrap();
        assert_eq!(mirror, root.path().join("beside.1/config-repo.0.git"));
        assert!(later > revision);
    }

    #[test]
    fn a_mirror_that_is_thrown_away_comes_back_under_another_name_even_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let folder = MirrorDir::new(root.path());
        let (mirror, _) = folder.take().unwrap();
        fs::write(&mirror, "no folder at all").unwrap();
        folder.throw_away().unwrap();
        let (next, _) = folder.current().unwrap();
        assert_eq!(next, root.path().join("config-repo.1.git"));
        fs::create_dir(&next).unwrap();
        fs::create_dir(&mirror).unwrap();
        drop(folder);
        let folder = MirrorDir::new(root.path());
        assert_eq!(folder.take().unwrap().0, next);
        assert!(!mirror.exists());
    }
}
