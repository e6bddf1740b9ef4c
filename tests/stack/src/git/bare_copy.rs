//! Another person at work on a repository of any size: a clone without a work tree, whose commits `git fast-import` makes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::program::{self, PERSON, git};
use super::repo::Repo;

/// A bare clone that shares the repository's objects.
#[derive(Debug)]
pub struct BareCopy {
    path: PathBuf,
    _dir: TempDir,
}

impl BareCopy {
    pub(super) fn of(repo: &Path) -> Result<BareCopy> {
        let dir = tempfile::Builder::new()
            .prefix("tidegate-copy-")
            .tempdir()
            .context("no temporary folder")?;
        let mut command = git(dir.path());
        command
            .args(["clone", "-q", "--bare", "--shared"])
            .arg(repo)
            .arg("copy");
        program::output(command)?;
        Ok(BareCopy {
            path: dir.path().join("copy"),
            _dir: dir,
        })
    }

    /// Fetches `main`; its tip.
    ///
    /// # Errors
    /// When git fails.
    pub fn fetch(&self) -> Result<String> {
        self.git(&["fetch", "-q", "origin", "+main:refs/remotes/origin/main"])?;
        self.git(&["rev-parse", "refs/remotes/origin/main"])
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

    /// A commit on `parent` that writes these files (path, text), and touches no other; not pushed.
    ///
    /// # Errors
    /// When git fails.
    pub fn commit(&self, parent: &str, message: &str, files: &[(&str, &str)]) -> Result<String> {
        import(
            &self.path,
            "refs/heads/made",
            Some(parent),
            message,
            files.iter().copied(),
        )?;
        self.git(&["rev-parse", "refs/heads/made"])
    }

    /// Pushes a commit to `main`; false if that has moved elsewhere meanwhile.
    ///
    /// # Errors
    /// When the server refuses for another reason; the message quotes it.
    pub fn push(&self, commit: &str) -> Result<bool> {
        let mut command = git(&self.path);
        command.args(["push", "-q", "origin", &format!("{commit}:refs/heads/main")]);
        let output = command.output().context("cannot run git push")?;
        let words = String::from_utf8_lossy(&output.stderr);
        let moved = [
            "fetch first",
            "non-fast-forward",
            "failed to update ref",
            "cannot lock ref",
        ];
        match output.status.success() {
            true => Ok(true),
            false if moved.iter().any(|phrase| words.contains(phrase)) => Ok(false),
            false => bail!("git push: {words}"),
        }
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut command = git(&self.path);
        command.args(arguments);
        program::text(command)
    }
}

impl Repo {
    /// A clone without a work tree, by the local path: for repositories of many files, and for many commits.
    ///
    /// # Errors
    /// When git cannot clone.
    pub fn bare_copy(&self) -> Result<BareCopy> {
        BareCopy::of(self.path())
    }

    /// A commit on `parent` that writes these files (path, text), made inside the repository as a forge's merge button does;
    /// none if `main` has left the parent meanwhile. `who` are not two at the same time.
    ///
    /// # Errors
    /// When git fails.
    pub fn advance(&self, who: &str, parent: &str, message: &str, files: &[(&str, &str)]) -> Result<Option<String>> {
        let made = format!("refs/made/{who}");
        import(self.path(), &made, Some(parent), message, files.iter().copied())?;
        let commit = self.git(&["rev-parse", &made])?;
        let mut command = git(self.path());
        command.args(["update-ref", "refs/heads/main", &commit, parent]);
        let output = command.output().context("cannot run git update-ref")?;
        let words = String::from_utf8_lossy(&output.stderr);
        match output.status.success() {
            true => Ok(Some(commit)),
            false if words.contains("but expected") || words.contains("Unable to create") => Ok(None),
            false => bail!("git update-ref: {words}"),
        }
    }

    /// Commits the given files (path, text) as the first commit of `main`; takes seconds for a hundred thousand.
    ///
    /// # Errors
    /// When git fails.
    pub fn import<'a>(&self, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
        import(self.path(), "refs/heads/main", None, "Import the configuration", files)
    }
}

fn import<'a>(
    repo: &Path,
    branch: &str,
    parent: Option<&str>,
    message: &str,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    let (name, email) = PERSON;
    let mut stream = Vec::new();
    writeln!(stream, "commit {branch}\ncommitter {name} <{email}> now")?;
    writeln!(stream, "data {}\n{message}", message.len())?;
    if let Some(parent) = parent {
        writeln!(stream, "from {parent}")?;
    }
    for (path, text) in files {
        writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len())?;
    }
    let mut command = git(repo);
    command.args(["fast-import", "--quiet", "--force", "--date-format=now"]);
    piped(command, &stream).map(drop)
}

/// Runs a command that reads this; its standard output.
pub(super) fn piped(mut command: Command, input: &[u8]) -> Result<Vec<u8>> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run git")?;
    let mut stdin = child.stdin.take().context("git has no standard input")?;
    std::thread::scope(|scope| {
        // A command that does not read its input to the end is none of our business.
        scope.spawn(move || stdin.write_all(input).ok());
        let output = child.wait_with_output().context("cannot wait for git")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {}\n{words}", output.status);
        Ok(output.stdout)
    })
}
