use super::{Checked, edges};
use crate::automation::{self, Timeline};
use crate::catalog::Catalog;
use crate::git::Local;
use crate::history::{Mark, Rejected};
use crate::model::{BlobId, CommitId, FieldId, HoldUntil, RepoPath, Tag};
use crate::port::ConfigRepo;
use crate::telemetry::Metrics;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
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
    let found = find(repo, paths, until).await?;
    Ok(found.held.into_iter().map(|(held, _)| held).collect())
}

/// Where a held field stands, and what of it was taken back.
pub(super) struct Place {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    pub(super) rejected: Vec<Rejected>,
}

/// What is held at a commit.
pub(super) struct Found {
    pub(super) tip: CommitId,
    pub(super) blobs: BTreeMap<RepoPath, BlobId>,
    pub(super) held: Vec<(Held, Place)>,
}

pub(super) async fn find(repo: &impl ConfigRepo, paths: Vec<RepoPath>, until: HoldUntil) -> anyhow::Result<Found> {
    let tip = repo.fetch().await?;
    let declared = Catalog::new(paths, Metrics::new()).read(repo, tip).await?;
    let mut timeline = Timeline::default();
    let past = timeline.read(repo, tip).await?;
    let held = automation::image_fields(&declared).into_iter().filter_map(|field| {
        let hold = past.holds.get(&field.field)?;
        let hold = hold.concerning(field.image.name(), &Mark::of(&field.image))?;
        let last = hold.rejected.last()?;
        let object = field.field.object.clone();
        let held = Held {
            object: HeldObject {
                api_version: field.api_version,
                kind: object.kind,
                namespace: object.namespace,
                name: object.name,
            },
            field: field.field.field.0.clone(),
            image: field.image.name().to_owned(),
            rejected: hold.rejected.iter().map(|rejected| rejected.tag.clone()).collect(),
            since: Since {
                commit: last.commit,
                author: last.author.clone(),
                time: last.at,
            },
            reason: hold.reason(field.hold.unwrap_or(until)),
        };
        let place = Place {
            path: field.path,
            field: field.field,
            rejected: hold.rejected,
        };
        Some((held, place))
    });
    Ok(Found {
        tip,
        blobs: declared.blobs.clone(),
        held: held.collect(),
    })
}

impl Held {
    /// `Deployment shop/web main`.
    pub fn name(&self) -> String {
        let namespace = self
            .object
            .namespace
            .as_ref()
            .map_or(String::new(), |name| format!("{name}/"));
        format!("{} {namespace}{} {}", self.object.kind, self.object.name, self.field)
    }

    /// The rejected tags, with commas between them.
    pub fn tags(&self) -> String {
        let tags: Vec<String> = self.rejected.iter().map(ToString::to_string).collect();
        tags.join(",")
    }
}
