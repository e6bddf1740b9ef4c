//! A bare repository, read by the real git program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::bare_copy::piped;
use super::identity::SshKey;
use super::program::{self, git};
use super::work_copy::WorkCopy;
use crate::history;

/// A bare repository on a [`super::GitServer`].
#[derive(Debug, Clone)]
pub struct Repo {
    path: PathBuf,
    url: String,
    user: String,
    unchecked: Arc<AtomicBool>,
}

/// One commit of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// First parent first.
    pub parents: Vec<String>,
    /// `Name <address>`
    pub author: String,
    /// `Name <address>`
    pub committer: String,
    /// Committer's clock, seconds since 1970.
    pub committed: i64,
    /// First line of the message.
    pub subject: String,
    /// The whole message, trailers included.
    pub message: String,
}

impl Repo {
    pub(crate) fn new(path: PathBuf, url: String, user: String) -> Repo {
        Repo {
            path,
            url,
            user,
            unchecked: Arc::default(),
        }
    }

    /// The end of its server is not to look whether it is sound.
    pub fn unchecked(&self, _why: &str) {
        self.unchecked.store(true, Ordering::Relaxed);
    }

    /// What is asked of every repository at a test's end, unless the test fails anyway or the repository is [`Repo::unchecked`].
    ///
    /// # Panics
    /// When it is not sound.
    pub(crate) fn ends(&self) {
        let checked = !self.unchecked.load(Ordering::Relaxed) && self.path.exists();
        if checked
            && !std::thread::panicking()
            && let Err(wrong) = history::sound(self)
        {
            panic!("{wrong:#}");
        }
    }

    /// `ssh://user@127.0.0.1:port/abs/path`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL by way of another address: that of a relay in front of the server.
    #[must_use]
    pub fn url_through(&self, addr: std::net::SocketAddr) -> String {
        format!("ssh://{}@{addr}{}", self.user, self.path.display())
    }

    /// The folder on disk.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Installs a hook (`pre-receive`, `post-receive`, `update`, ...): a script with its `#!` line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn hook(&self, name: &str, script: &str) -> Result<()> {
        let path = self.path.join("hooks").join(name);
        let part = path.with_added_extension("part");
        fs::create_dir_all(self.path.join("hooks"))?;
        fs::write(&part, script)?;
        fs::set_permissions(&part, fs::Permissions::from_mode(0o755))?;
        fs::rename(&part, &path).with_context(|| format!("cannot install the hook {name}"))
    }

    /// Takes a hook away again.
    ///
    /// # Errors
    /// When it cannot be removed; its absence is none.
    pub fn remove_hook(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.path.join("hooks").join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What the branch `main` points at; `None` while it is unborn.
    ///
    /// # Errors
    /// When git fails.
    pub fn tip(&self) -> Result<Option<String>> {
        self.tip_of("main")
    }

    /// What a branch points at; `None` when there is none of that name.
    ///
    /// # Errors
    /// When git fails.
    pub fn tip_of(&self, branch: &str) -> Result<Option<String>> {
        let text = self.git(&[
            "for-each-ref",
            "--format=%(objectname)",
            &format!("refs/heads/{branch}"),
        ])?;
        Ok(Some(text).filter(|id| !id.is_empty()))
    }

    /// Waits until `main` points elsewhere than at `from`; the new tip.
    ///
    /// # Errors
    /// When nothing has changed `within` that time.
    pub async fn wait_for_tip_change(&self, from: Option<&str>, within: Duration) -> Result<String> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if let Some(tip) = self.quick_tip()?.filter(|tip| Some(tip.as_str()) != from) {
                return Ok(tip);
            }
            if tokio::time::Instant::now() >= deadline {
                bail!(
                    "{} still points at {} after {within:?}",
                    self.url,
                    from.unwrap_or("nothing")
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The history of `main`, newest first; empty while it is unborn.
    ///
    /// # Errors
    /// When git fails.
    pub fn log(&self) -> Result<Vec<Commit>> {
        if self.tip()?.is_none() {
            return Ok(Vec::new());
        }
        self.log_of(&["main"])
    }

    /// The commits that `git log` lists with these arguments.
    ///
    /// # Errors
    /// When git fails.
    pub fn log_of(&self, arguments: &[&str]) -> Result<Vec<Commit>> {
        let format = "--format=%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%s%x00%B%x1e";
        let text = self.git(&[&["log", format], arguments].concat())?;
        text.split('\u{1e}')
            .map(str::trim_start)
            .filter(|record| !record.is_empty())
            .map(commit)
            .collect()
    }

    /// A file's text at a revision.
    ///
    /// # Errors
    /// When there is no such revision or file.
    pub fn file_at(&self, revision: &str, path: &str) -> Result<String> {
        let mut command = git(&self.path);
        command.args(["cat-file", "blob", &format!("{revision}:{path}")]);
        String::from_utf8(program::output(command)?).with_context(|| format!("{path} at {revision} is not UTF-8"))
    }

    /// What a commit changed against its first parent, as `git diff` prints it without context lines.
    ///
    /// # Errors
    /// When there is no such revision.
    pub fn diff(&self, revision: &str) -> Result<String> {
        self.git(&[
            "show",
            "--format=",
            "--unified=0",
            "--no-color",
            "--first-parent",
            "-m",
            revision,
        ])
    }

    /// Runs any git command in the bare repository; its standard output without the last newline.
    ///
    /// # Errors
    /// When git fails; the message quotes it.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        program::text(self.command(arguments))
    }

    /// Runs any git command in the bare repository, with something to read; its standard output as it is.
    ///
    /// # Errors
    /// When git fails; the message quotes it.
    pub fn git_bytes(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        piped(self.command(arguments), input)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = git(&self.path);
        command.args(arguments);
        command
    }

    /// A work copy by the local path: what another person does, without the cost of SSH.
    ///
    /// # Errors
    /// When git cannot clone.
    pub fn work_copy(&self) -> Result<WorkCopy> {
        WorkCopy::clone_from(&self.path.display().to_string(), None)
    }

    /// A work copy over SSH with a key of one's own, the host's keys given as in `known_hosts`.
    ///
    /// # Errors
    /// When git cannot clone; the message quotes git and ssh.
    pub fn work_copy_over_ssh(&self, key: &SshKey, known_hosts: &[String]) -> Result<WorkCopy> {
        WorkCopy::clone_from(&self.url, Some((key, known_hosts)))
    }

    /// Commits a copy of a folder's files on `main` and pushes it; the commit.
    ///
    /// # Errors
    /// When the folder cannot be read or git fails.
    pub fn seed_from_dir(&self, dir: &Path) -> Result<String> {
        let copy = self.work_copy()?;
        copy_tree(dir, copy.path())?;
        let id = copy.commit("Import the configuration")?;
        copy.push()?;
        Ok(id)
    }

    /// Commits the given files (path, text) on `main` and pushes; the commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn seed(&self, files: &[(&str, &str)]) -> Result<String> {
        let copy = self.work_copy()?;
        for (path, text) in files {
            copy.write(path, text)?;
        }
        let id = copy.commit("Import the configuration")?;
        copy.push()?;
        Ok(id)
    }

    /// The tip of a branch that is not unborn, quickly.
    ///
    /// # Errors
    /// When there is none.
    pub fn tip_now(&self) -> Result<String> {
        self.quick_tip()?.context("there is no branch main")
    }

    /// The tip from the reference's own file, for short polls; git itself where references are packed.
    fn quick_tip(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.path.join("refs/heads/main")) {
            Ok(text) if text.trim_end().len() == 40 => Ok(Some(text.trim_end().to_owned())),
            _ => self.tip(),
        }
    }
}

fn commit(record: &str) -> Result<Commit> {
    let fields: Vec<&str> = record.splitn(7, '\0').collect();
    let [id, parents, author, committer, committed, subject, message] = fields.as_slice() else {
        bail!("git log printed {record:?}");
    };
    Ok(Commit {
        id: (*id).to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: (*author).to_owned(),
        committer: (*committer).to_owned(),
        committed: committed.parse()?,
        subject: (*subject).to_owned(),
        message: message.trim_end().to_owned(),
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read the folder {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
