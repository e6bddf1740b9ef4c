//! How the git program is run: nothing of the machine's or the user's configuration, and an error that quotes it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The person who works in [`super::WorkCopy`]s and seeds repositories.
pub(super) const PERSON: (&str, &str) = ("Operator", "operator@example.com");

/// A git command in `dir`.
pub(super) fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir);
    clean(&mut command);
    command
}

/// Pins what git would read from the surroundings.
pub(super) fn clean(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (name, email) = PERSON;
    command
        .env_clear()
        .env("PATH", path)
        .envs([("HOME", "/nonexistent"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")])
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ])
        .envs([("GIT_AUTHOR_NAME", name), ("GIT_COMMITTER_NAME", name)])
        .envs([("GIT_AUTHOR_EMAIL", email), ("GIT_COMMITTER_EMAIL", email)])
        .envs([
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_0", "init.defaultBranch"),
            ("GIT_CONFIG_VALUE_0", "main"),
        ])
        .envs([("GIT_CONFIG_KEY_1", "safe.directory"), ("GIT_CONFIG_VALUE_1", "*")])
        .envs([
            ("GIT_CONFIG_KEY_2", "advice.detachedHead"),
            ("GIT_CONFIG_VALUE_2", "false"),
        ])
        .stdin(Stdio::null());
}

/// Runs it and gives back standard output.
pub(super) fn output(mut command: Command) -> Result<Vec<u8>> {
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let words = format!("{} {}", command.get_program().display(), words.join(" "));
    let output = command.output().with_context(|| format!("cannot run {words}"))?;
    if !output.status.success() {
        bail!(
            "{words}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(output.stdout)
}

/// The same as text, without the newline at its end.
pub(super) fn text(command: Command) -> Result<String> {
    let mut text = String::from_utf8(output(command)?).context("git printed something that is not UTF-8")?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}
