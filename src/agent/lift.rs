use super::held::{self, Found, Held};
use super::{Checked, edges};
use crate::catalog::MAX_FILE_BYTES;
use crate::git::{Author, OwnClone};
use crate::history::Resume;
use crate::manifest::{self, TagChange};
use crate::model::{CommitId, HoldUntil, RepoPath, Tag};
use crate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome};
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How holds are lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lift {
    /// The tags that were taken back may be chosen again.
    Resume,
    /// The tag that was taken back last, or this one of those that were, is written into the file again.
    Release(Option<Tag>),
}

/// What was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifted {
    /// The commit that says so.
    pub commit: CommitId,
    /// The holds that it lifted, as they were.
    pub lifted: Vec<Held>,
}

/// Which holds are meant.
pub type Meant<'a> = &'a (dyn Fn(&Held) -> bool + Sync);

/// Tries to be the first on the branch.
const RACES: u32 = 8;

/// Lifts holds on the configured branch, by a commit that is pushed with the deploy key.
///
/// # Errors
/// Nothing is held, or nothing of what is meant; the repository could not be read or written.
pub async fn lift(
    mut checked: Checked,
    author: Option<Author>,
    lift: &Lift,
    meant: Meant<'_>,
) -> anyhow::Result<Lifted> {
    let scratch = tempfile::tempdir()?;
    if let Some(author) = author {
        checked.settings.automation.author = author;
    }
    let repo = edges::scratch_repo(&mut checked, scratch.path()).await?;
    let settings = &checked.settings;
    on(&repo, &settings.repo.paths, settings.automation.hold, lift, meant).await
}

/// The same on a branch that the user's git program can push.
///
/// # Errors
/// As [`lift`].
pub async fn lift_in_clone(repo: &OwnClone, lift: &Lift, meant: Meant<'_>) -> anyhow::Result<Lifted> {
    on(repo, &[], HoldUntil::default(), lift, meant).await
}

async fn on(
    repo: &impl ConfigRepo,
    paths: &[RepoPath],
    until: HoldUntil,
    lift: &Lift,
    meant: Meant<'_>,
) -> anyhow::Result<Lifted> {
    for _ in 0..RACES {
        let found = held::find(repo, paths.to_vec(), until).await?;
        if found.held.is_empty() {
            bail!("nothing is held, so that there is nothing to lift");
        }
        let chosen: Vec<&(Held, held::Place)> = found.held.iter().filter(|(held, _)| meant(held)).collect();
        if chosen.is_empty() {
            let names: Vec<String> = found.held.iter().map(|(held, _)| held.name()).collect();
            bail!("that is not held; held are: {}", names.join(", "));
        }
        let (edits, subject) = match lift {
            Lift::Resume => (Vec::new(), "Resume"),
            Lift::Release(tag) => (edits(repo, &found, &chosen, tag.as_ref()).await?, "Release"),
        };
        let commit = NewCommit {
            parent: found.tip,
            edits,
            message: message(subject, &chosen),
            time: Timestamp::now(),
        };
        match repo.commit_and_push(vec![commit]).await? {
            PushOutcome::Landed(commit) => {
                let lifted = chosen.into_iter().map(|(held, _)| held.clone()).collect();
                return Ok(Lifted { commit, lifted });
            }
            PushOutcome::Lost => {}
            PushOutcome::Refused(words) | PushOutcome::ReadOnly(words) => bail!("the commit was refused: {words}"),
        }
    }
    bail!("the branch moved first {RACES} times in a row; try again")
}

fn message(verb: &str, chosen: &[&(Held, held::Place)]) -> String {
    let subject = match chosen {
        [(held, _)] => format!("{verb} {}", held.name()),
        several => format!("{verb} {} image fields", several.len()),
    };
    let lines: Vec<String> = chosen
        .iter()
        .map(|(held, _)| format!("- {}: {}", held.name(), held.tags()))
        .collect();
    let trailers: Vec<String> = chosen
        .iter()
        .map(|(_, place)| Resume::Field(place.field.clone()).trailer())
        .collect();
    let plain = |text: String| {
        text.chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .collect::<String>()
    };
    format!(
        "{}\n\n{}\n\n{}\n",
        plain(subject),
        plain(lines.join("\n")),
        trailers.join("\n")
    )
}

async fn edits(
    repo: &impl ConfigRepo,
    found: &Found,
    chosen: &[&(Held, held::Place)],
    tag: Option<&Tag>,
) -> anyhow::Result<Vec<FileEdit>> {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for (held, place) in chosen {
        let wanted = place
            .rejected
            .iter()
            .rev()
            .find(|rejected| tag.is_none_or(|tag| rejected.tag == *tag));
        let wanted = wanted.with_context(|| {
            format!(
                "{}: only a tag that was taken back is released: {}",
                held.name(),
                held.tags()
            )
        })?;
        changes.entry(&place.path).or_default().push(TagChange {
            object: place.field.object.clone(),
            field: place.field.field.clone(),
            tag: wanted.tag.clone(),
            digest: wanted.digest.clone(),
        });
    }
    let mut edits = Vec::new();
    for (path, changes) in changes {
        let from = *found.blobs.get(path).with_context(|| format!("{path} is gone"))?;
        let content = repo.blobs(vec![from], MAX_FILE_BYTES).await?.pop().flatten();
        let content = content.with_context(|| format!("{path}: the file is too large"))?;
        let bytes = manifest::set_tags(path, &content, &changes).map_err(|refused| anyhow::anyhow!("{refused}"))?;
        edits.push(FileEdit {
            path: path.clone(),
            from,
            bytes,
        });
    }
    Ok(edits)
}
