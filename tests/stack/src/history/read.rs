//! Asking git.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use super::{Change, Entry, History, Hunk, Line};
use crate::git::Repo;

const FORMAT: &str =
    "--format=%x01%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%B%x00%(trailers:only=true,unfold=true)%x00";

impl History {
    /// What git says of `main`. `images` are those whose lines are looked for at the tip.
    ///
    /// # Errors
    /// When git fails, or prints what it never should.
    pub fn read(repo: &Repo, images: &BTreeSet<&str>) -> Result<History> {
        Ok(History {
            commits: commits(repo, &["--topo-order", "--reverse", "main"])?,
            standing: standing(repo, images)?,
        })
    }
}

/// The commits that `git log` lists, with what they changed.
pub(super) fn commits(repo: &Repo, which: &[&str]) -> Result<Vec<Entry>> {
    let log = [
        "-c",
        "log.showRoot=false",
        "log",
        "--no-renames",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--unified=0",
        "--patch",
        FORMAT,
    ];
    let text = repo.git_bytes(&[&log, which].concat(), &[])?;
    let text = String::from_utf8_lossy(&text);
    text.split('\u{1}').skip(1).map(entry).collect()
}

fn standing(repo: &Repo, images: &BTreeSet<&str>) -> Result<Vec<Line>> {
    let mut arguments = vec!["grep", "--null", "--fixed-strings"];
    for image in images {
        arguments.extend(["-e", image]);
    }
    arguments.push("main");
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let found = repo.git_bytes(&arguments, &[])?;
    String::from_utf8_lossy(&found)
        .lines()
        .map(|line| {
            let (path, text) = line
                .split_once('\0')
                .context("git grep printed a line without a path")?;
            let path = path.strip_prefix("main:").unwrap_or(path).to_owned();
            Ok(Line {
                path,
                text: text.to_owned(),
            })
        })
        .collect()
}

fn entry(record: &str) -> Result<Entry> {
    let fields: Vec<&str> = record.splitn(8, '\0').collect();
    let [id, parents, author, committer, committed, message, trailers, patch] = fields.as_slice() else {
        bail!("git log printed {record:?}");
    };
    Ok(Entry {
        id: (*id).to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: (*author).to_owned(),
        committer: (*committer).to_owned(),
        committed: committed.parse()?,
        message: (*message).to_owned(),
        trailers: trailers.lines().map(str::to_owned).collect(),
        changes: changes(patch.trim_start_matches('\n'))?,
    })
}

/// Reads a patch without context lines; the counts of each `@@` line show which lines are content.
fn changes(patch: &str) -> Result<Vec<Change>> {
    let mut changes: Vec<Change> = Vec::new();
    // A carriage return at the end is of the line.
    let mut lines = patch.trim_end_matches('\n').split('\n').filter(|_| !patch.is_empty());
    while let Some(line) = lines.next() {
        if line.starts_with("diff --git ") {
            changes.push(Change::default());
            continue;
        }
        let change = changes
            .last_mut()
            .with_context(|| format!("a patch began with {line:?}"))?;
        if let Some(path) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
            if let Some(path) = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")) {
                change.path = path.trim_end_matches('\t').to_owned();
            }
        } else if let Some(counts) = line.strip_prefix("@@ ") {
            let mut hunk = Hunk::default();
            let (mut removed, mut added) = counted(counts)?;
            while removed + added > 0 {
                let line = lines.next().context("a patch ended within a hunk")?;
                match line.split_at_checked(1) {
                    Some(("-", text)) if removed > 0 => {
                        removed -= 1;
                        hunk.removed.push(text.to_owned());
                    }
                    Some(("+", text)) if added > 0 => {
                        added -= 1;
                        hunk.added.push(text.to_owned());
                    }
                    Some(("\\", _)) => change.others.push(line.to_owned()),
                    _ => bail!("a hunk has the line {line:?}"),
                }
            }
            change.hunks.push(hunk);
        } else if !line.starts_with("index ") {
            change.others.push(line.to_owned());
        }
    }
    Ok(changes)
}

/// `-3,2 +3 @@` has two lines removed and one added.
fn counted(ranges: &str) -> Result<(usize, usize)> {
    let mut counts = ranges.split(' ').map(|range| match range.split_once(',') {
        Some((_, count)) => count.parse().context("a count"),
        None => Ok(1),
    });
    let mut next = || counts.next().context("a hunk without counts")?;
    Ok((next()?, next()?))
}
