use super::error::Error;
use super::list::{Found, Held, HeldField, HoldQuery, find};
use super::reading::HoldReader;
use super::select::HoldSelector;
use crate::history::{Rejected, Resume};
use crate::manifest::{self, MAX_FILE_BYTES, TagChange};
use crate::model::{Author, CommitId, ImageRef, Printable, RepoPath};
use crate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How holds are lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiftMode {
    /// The tags that were taken back may be chosen again.
    Resume,
    /// The tag that was taken back last (or the tag that is named) is written into the file again.
    Release,
}

/// What a command lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifted {
    /// The commit that lifts the holds; `None` if no selected field is held, so that there was nothing to do.
    pub commit: Option<CommitId>,
    /// The lifted holds, each with its lifted tags.
    pub lifted: Vec<Held>,
}

/// How often a lost race is run again before the command gives up.
const RACES: u32 = 8;

/// Lifts holds by one commit on the branch, in the name of `author` (default: the author of the agent's commits).
///
/// # Errors
/// There is no such image field, or the name fits objects of several namespaces; the repository could not be read or
/// written.
pub async fn lift(
    repo: &impl ConfigRepo,
    reader: &impl HoldReader,
    query: &HoldQuery,
    mode: LiftMode,
    selector: &HoldSelector,
    author: Option<Author>,
) -> Result<Lifted, Error> {
    for _ in 0..RACES {
        let found = find(reader.read().await?, query);
        let chosen = selector.choose(&found)?;
        let lifted: Vec<Held> = chosen.iter().map(|(held, _)| held.clone()).collect();
        if lifted.is_empty() {
            return Ok(Lifted { commit: None, lifted });
        }
        // The agent's signature on top of a commit that may not be applied would let that commit pass.
        if let Some(problem) = repo.verified_head(found.tip).await?.problem {
            return Err(Error::Unverified { problem });
        }
        let edits = match mode {
            LiftMode::Resume => Vec::new(),
            LiftMode::Release => edits(repo, &found, &chosen).await?,
        };
        let commit = NewCommit {
            parent: found.tip,
            edits,
            message: message(mode, selector, &chosen),
            author: author.clone(),
            time: Timestamp::now(),
        };
        match repo.commit_and_push(vec![commit]).await? {
            PushOutcome::Landed(commit) => {
                let commit = Some(commit);
                return Ok(Lifted { commit, lifted });
            }
            PushOutcome::Lost => {}
            PushOutcome::Refused(words) => return Err(Error::Refused { words }),
            PushOutcome::ReadOnly(words) => return Err(Error::ReadOnly { words }),
        }
    }
    Err(Error::Raced { tries: RACES })
}

/// The commit's message with its trailers. A release lifts only the named tags: the tag that the file had meanwhile is
/// left as if by hand, and other rejected tags stay held.
fn message(mode: LiftMode, selector: &HoldSelector, chosen: &[(Held, HeldField)]) -> String {
    let verb = match mode {
        LiftMode::Resume => "Resume",
        LiftMode::Release => "Release",
    };
    let subject = match chosen {
        [(held, _)] => format!("{verb} {}", held.name()),
        several => format!("{verb} {} image fields", several.len()),
    };
    let lines: Vec<String> = chosen
        .iter()
        .map(|(held, _)| format!("- {}: {}", held.name(), held.tags()))
        .collect();
    let trailers = chosen.iter().flat_map(|(held, at)| match (mode, &selector.tag) {
        (LiftMode::Resume, None) => vec![Resume::Field(at.field.clone()).trailer()],
        _ => {
            let tags = held.rejected.iter();
            tags.map(|tag| Resume::Tag(at.field.clone(), tag.clone()).trailer())
                .collect()
        }
    });
    let trailers: BTreeSet<String> = trailers.collect();
    let trailers: Vec<String> = trailers.into_iter().collect();
    let lines = lines.join("\n");
    let printable = |text| Printable::new(text).dropping().keeping_line_ends().uncut();
    format!(
        "{}\n\n{}\n\n{}\n",
        printable(&subject),
        printable(&lines),
        trailers.join("\n")
    )
}

/// The name that was taken back with a tag, if the file has another name.
fn name(at: &HeldField, last: &Rejected) -> Option<ImageRef> {
    let is_other = last.image != at.image.name();
    is_other.then(|| ImageRef::parse(&last.image).ok()).flatten()
}

/// Writes the tag that was taken back last into each file.
async fn edits(repo: &impl ConfigRepo, found: &Found, chosen: &[(Held, HeldField)]) -> Result<Vec<FileEdit>, Error> {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for (_, at) in chosen {
        let Some(last) = at.rejected.last() else { continue };
        changes.entry(&at.path).or_default().push(TagChange {
            object: at.field.object.clone(),
            field: at.field.field.clone(),
            name: name(at, last),
            tag: last.tag.clone(),
            digest: last.digest.clone(),
        });
    }
    let mut edits = Vec::new();
    for (path, changes) in changes {
        let wrong = |reason| Error::File {
            path: path.clone(),
            reason,
        };
        let from = *found.blobs.get(path).ok_or_else(|| wrong("the file is gone"))?;
        let content = repo.blobs(vec![from], MAX_FILE_BYTES).await?.pop().flatten();
        let content = content.ok_or_else(|| wrong("the file is too large"))?;
        let bytes = manifest::set_tags(path, &content, &changes).map_err(Error::Edit)?;
        edits.push(FileEdit {
            path: path.clone(),
            from,
            bytes,
        });
    }
    Ok(edits)
}
