use super::{Checked, edges};
use crate::automation::{self, Timeline};
use crate::catalog::Catalog;
use crate::git::Local;
use crate::history::Mark;
use crate::model::{CommitId, HoldUntil, RepoPath, Tag};
use crate::port::ConfigRepo;
use crate::telemetry::Metrics;
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// An image field that is not bumped since somebody took a bump back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Whose field.
    pub object: HeldObject,
    /// The field within it.
    pub field: String,
    /// The image's name, without tag and digest.
    pub image: String,
    /// The tags that were taken back, the latest last.
    pub rejected: Vec<Tag>,
    /// The commit that took the latest back.
    pub since: Since,
    /// For people: who took what back, and what lifts it.
    pub reason: String,
}

/// An object as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldObject {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, where written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

/// Since when, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Since {
    /// The commit.
    pub commit: CommitId,
    /// Its author, `Name <address>`.
    pub author: String,
    /// Its time, as bounded by what can be true.
    pub time: Timestamp,
}

/// What is held on the configured branch as it is on the server now.
///
/// # Errors
/// The config repo could not be read.
pub async fn holds(mut checked: Checked) -> anyhow::Result<Vec<Held>> {
    let scratch = tempfile::tempdir()?;
    checked.settings.repo.limits.depth = None;
    let repo = edges::scratch_repo(&mut checked, scratch.path()).await?;
    held(
        &repo,
        checked.settings.repo.paths.clone(),
        checked.settings.automation.hold,
    )
    .await
}

/// What is held on a branch of a clone on this machine, in all its files.
///
/// # Errors
/// It could not be read.
pub async fn holds_of_clone(path: &Path, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    held(&Local::open(path, branch)?, Vec::new(), HoldUntil::default()).await
}

/// The same of a repository elsewhere, cloned with the user's git program.
///
/// # Errors
/// It could not be cloned or read.
pub async fn holds_of_url(url: &str, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    let scratch = tempfile::tempdir()?;
    let repo = Local::clone_into(&scratch.path().join("repo.git"), url, branch).await?;
    held(&repo, Vec::new(), HoldUntil::default()).await
}

async fn held(repo: &impl ConfigRepo, paths: Vec<RepoPath>, until: HoldUntil) -> anyhow::Result<Vec<Held>> {
    let tip = repo.fetch().await?;
    let declared = Catalog::new(paths, Metrics::new()).read(repo, tip).await?;
    let mut timeline = Timeline::default();
    let past = timeline.read(repo, tip).await?;
    let held = automation::image_fields(&declared).into_iter().filter_map(|field| {
        let hold = past.holds.get(&field.field)?;
        let hold = hold.concerning(field.image.name(), &Mark::of(&field.image))?;
        let last = hold.rejected.last()?;
        Some(Held {
            object: HeldObject {
                api_version: field.api_version,
                kind: field.field.object.kind,
                namespace: field.field.object.namespace,
                name: field.field.object.name,
            },
            field: field.field.field.0,
            image: field.image.name().to_owned(),
            rejected: hold.rejected.iter().map(|rejected| rejected.tag.clone()).collect(),
            since: Since {
                commit: last.commit,
                author: last.author.clone(),
                time: last.at,
            },
            reason: hold.reason(field.hold.unwrap_or(until)),
        })
    });
    Ok(held.collect())
}
