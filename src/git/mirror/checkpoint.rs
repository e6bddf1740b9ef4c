//! What was read of the history, in a file beside the mirror, for the next start.
//!
//! The file is a cache. It begins with a hash of what it was made for and of its content, so that a file of another repository,
//! of other settings or of another version, a file that is cut, and a file that two processes wrote at once count as no file.
//! Whoever may write this folder may write the mirror, too: the hash is against accidents.
//!
//! A mirror that lacks commits or contents gets no checkpoint.

use super::repository::Mirror;
use crate::git::objects::left_out;
use crate::git::settings::Settings;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The file's name, and its name while it is written. Existing state folders have these names.
const NAME: &str = "history.checkpoint";
const UNFINISHED: &str = "history.checkpoint.new";
/// The largest file: a million commits of the agent.
const LARGEST: u64 = 64 << 20;
/// The bytes of a hash.
const HASH: usize = 32;

/// The content that was kept for this repository and these settings.
pub(crate) fn load(mirror: &Mirror) -> Option<Vec<u8>> {
    read(&folder(mirror)?, &mirror.settings)
}

/// Replaces what is kept.
pub(crate) fn keep(mirror: &mut Mirror, content: &[u8]) -> io::Result<()> {
    let repo = mirror.repository().map_err(io::Error::other)?;
    if repo.is_shallow() || left_out::are_there(repo) {
        return Err(io::Error::other("the mirror lacks a part of the history"));
    }
    let folder = folder(mirror).ok_or(io::ErrorKind::NotFound)?;
    write(&folder, &mirror.settings, content)
}

fn folder(mirror: &Mirror) -> Option<PathBuf> {
    let (path, _) = mirror.dir.current()?;
    path.parent().map(Path::to_owned)
}

fn read(folder: &Path, settings: &Settings) -> Option<Vec<u8>> {
    let file = File::open(folder.join(NAME)).ok()?;
    if file.metadata().ok()?.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let (hash, content) = bytes.split_at_checked(HASH)?;
    if hash != hash_of(settings, content) {
        return None;
    }
    bytes.drain(..HASH);
    Some(bytes)
}

/// Writes the file under another name first: a process that dies meanwhile, or a full disk, leaves the file as it was.
fn write(folder: &Path, settings: &Settings, content: &[u8]) -> io::Result<()> {
    if (HASH + content.len()) as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    let unfinished = folder.join(UNFINISHED);
    let fill = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(&hash_of(settings, content))?;
        file.write_all(content)
    };
    let written = fill().and_then(|()| fs::rename(&unfinished, folder.join(NAME)));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Everything that decides what is read of a commit, and the content.
fn hash_of(settings: &Settings, content: &[u8]) -> [u8; HASH] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(env!("CARGO_PKG_VERSION").as_bytes());
    part(settings.url.to_string().as_bytes());
    part(format!("{:?}", settings.limits).as_bytes());
    part(&(settings.paths.len() as u64).to_le_bytes());
    settings.paths.iter().for_each(|path| part(path.as_str().as_bytes()));
    part(content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{DeployKey, HostKeys, HttpAccess, KnownHosts, Limits, RepoUrl};
    use crate::model::{Author, BranchName, RepoPath};
    use std::sync::Arc;
    use std::time::Duration;

    fn settings(url: &str, paths: &[&str]) -> Settings {
        Settings {
            url: RepoUrl::parse(url).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            mirror_dir: PathBuf::new(),
            key: Arc::new(DeployKey::generate().unwrap()),
            host_keys: HostKeys::Given(KnownHosts::default()),
            http: HttpAccess::default(),
            author: Author::parse("Tidegate <tidegate@acme.example>").unwrap(),
            timeout: Duration::from_secs(1),
            limits: Limits::default(),
            paths: paths.iter().map(|path| RepoPath::parse(path).unwrap()).collect(),
        }
    }

    #[test]
    fn only_what_was_kept_for_these_settings_and_is_whole_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (url, path) = ("git@git.acme.example:fleet.git", folder.path());
        let ours = settings(url, &["apps"]);
        assert_eq!(read(path, &ours), None);
        write(path, &ours, b"what was read").unwrap();
        assert_eq!(read(path, &ours).as_deref(), Some(&b"what was read"[..]));
        let other_key = settings(url, &["apps"]);
        assert!(read(path, &other_key).is_some(), "the key does not matter");
        for other in [
            settings("git@git.acme.example:other.git", &["apps"]),
            settings(url, &["apps", "more"]),
            settings(url, &[]),
            Settings {
                limits: Limits {
                    files: 1,
                    ..Limits::default()
                },
                ..settings(url, &["apps"])
            },
        ] {
            assert_eq!(read(path, &other), None);
        }
        let whole = fs::read(path.join(NAME)).unwrap();
        for length in 0..whole.len() {
            fs::write(path.join(NAME), &whole[..length]).unwrap();
            assert_eq!(read(path, &ours), None, "cut after {length}");
            let mut damaged = whole.clone();
            damaged[length] ^= 1;
            fs::write(path.join(NAME), damaged).unwrap();
            assert_eq!(read(path, &ours), None, "damaged at {length}");
        }
    }

    /// A full disk refuses the new file, as this folder in its place does.
    #[test]
    fn what_cannot_be_written_leaves_what_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let ours = settings("git@git.acme.example:fleet.git", &[]);
        write(folder.path(), &ours, b"first").unwrap();
        fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
        write(folder.path(), &ours, b"second").unwrap_err();
        assert_eq!(read(folder.path(), &ours).as_deref(), Some(&b"first"[..]));
        fs::remove_dir(folder.path().join(UNFINISHED)).unwrap();
        fs::write(folder.path().join(UNFINISHED), "the rest of a process that was killed").unwrap();
        write(folder.path(), &ours, b"third").unwrap();
        assert_eq!(read(folder.path(), &ours).as_deref(), Some(&b"third"[..]));
        assert!(!folder.path().join(UNFINISHED).exists());
    }

    #[test]
    fn a_file_that_is_too_large_is_neither_read_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let ours = settings("git@git.acme.example:fleet.git", &[]);
        let file = File::create(folder.path().join(NAME)).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        assert_eq!(read(folder.path(), &ours), None);
        let large = vec![0; usize::try_from(LARGEST).unwrap()];
        write(folder.path(), &ours, &large).unwrap_err();
        assert!(!folder.path().join(UNFINISHED).exists());
    }
}
