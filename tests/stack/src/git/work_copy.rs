//! Another person at work: a clone, edited and pushed with the real git program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::identity::SshKey;
use super::program::{self, git};

/// A clone in a temporary folder, on the branch `main`.
#[derive(Debug)]
pub struct WorkCopy {
    path: PathBuf,
    ssh_command: Option<String>,
    _dir: TempDir,
}

impl WorkCopy {
    pub(crate) fn clone_from(url: &str, ssh: Option<(&SshKey, &[String])>) -> Result<WorkCopy> {
        let dir = tempfile::Builder::new()
            .prefix("tidegate-work-")
            .tempdir()
            .context("no temporary folder")?;
        let ssh_command = match ssh {
            None => None,
            Some((key, lines)) => {
                let known_hosts = dir.path().join("known_hosts");
                fs::write(&known_hosts, lines.join("\n") + "\n")?;
                let (key, known_hosts) = (key.path.display(), known_hosts.display());
                Some(format!(
                    "ssh -F /dev/null -i {key} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
                     -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known_hosts} \
                     -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20"
                ))
            }
        };
        let copy = WorkCopy {
            path: dir.path().join("copy"),
            ssh_command,
            _dir: dir,
        };
        let mut command = git(copy._dir.path());
        command.args(["clone", "-q", url, "copy"]);
        copy.run(command)?;
        Ok(copy)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, folders included.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.path.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> Result<String> {
        let path = self.path.join(path);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove(&self, path: &str) -> Result<()> {
        let path = self.path.join(path);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Commits every change; the commit's id.
    ///
    /// # Errors
    /// When there is nothing to commit.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "-q", "-m", message])?;
        self.head()
    }

    /// What the work copy stands on.
    ///
    /// # Errors
    /// When there is no commit yet.
    pub fn head(&self) -> Result<String> {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes the current branch to its namesake.
    ///
    /// # Errors
    /// When the server refuses; the message quotes it.
    pub fn push(&self) -> Result<()> {
        self.git(&["push", "-q", "origin", "HEAD"]).map(drop)
    }

    /// Fetches and puts own commits on top.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn pull(&self) -> Result<()> {
        self.git(&["pull", "-q", "--rebase", "origin", "main"]).map(drop)
    }

    /// `git revert` of one commit; the id of the commit that takes it back. Not pushed.
    ///
    /// # Errors
    /// When it conflicts.
    pub fn revert(&self, commit: &str) -> Result<String> {
        self.git(&["revert", "--no-edit", commit])?;
        self.head()
    }

    /// Runs any git command here; its standard output without the last newline.
    ///
    /// # Errors
    /// When git fails; the message quotes it.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut command = git(&self.path);
        command.args(arguments);
        self.run(command)
    }

    fn run(&self, mut command: std::process::Command) -> Result<String> {
        if let Some(ssh_command) = &self.ssh_command {
            command.env("GIT_SSH_COMMAND", ssh_command);
        }
        program::text(command)
    }
}
