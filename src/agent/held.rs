use super::{Checked, edges};
use crate::automation::{self, Timeline};
use crate::catalog::Catalog;
use crate::git::{Local, without_password};
use crate::history::{Mark, Rejected, Remedy, word};
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
    /// The command that lifts it.
    #[serde(skip)]
    pub resume: String,
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
    let seen = Seen {
        paths: checked.settings.repo.paths.clone(),
        until: checked.settings.automation.hold,
        place: String::new(),
    };
    held(&repo, &seen).await
}

/// What is held on a branch of a clone on this machine, in all its files.
///
/// # Errors
/// It could not be read.
pub async fn holds_of_clone(path: &Path, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    let named = path.display().to_string();
    held_in(&Local::open(path, branch)?, &named, branch).await
}

/// The same of a repository elsewhere, cloned with the user's git program.
///
/// # Errors
/// It could not be cloned or read.
pub async fn holds_of_url(url: &str, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    let scratch = tempfile::tempdir()?;
    let repo = Local::clone_into(&scratch.path().join("repo.git"), url, branch).await?;
    held_in(&repo, url, branch).await
}

/// In a repository without a commit nothing is held.
async fn held_in(repo: &Local, named: &str, branch: Option<&str>) -> anyhow::Result<Vec<Held>> {
    if branch.is_none() && repo.is_unborn().await? {
        return Ok(Vec::new());
    }
    held(repo, &Seen::of_any(named, branch)).await
}

async fn held(repo: &impl ConfigRepo, seen: &Seen) -> anyhow::Result<Vec<Held>> {
    let found = find(repo, seen).await?;
    Ok(found.held.into_iter().map(|(held, _)| held).collect())
}

/// What of a repository is looked at, and how.
#[derive(Default)]
pub(super) struct Seen {
    /// Its files; all, if empty.
    pub(super) paths: Vec<RepoPath>,
    /// What ends a hold where a workload does not say it.
    pub(super) until: HoldUntil,
    /// How the command line is to name it ([`Remedy::place`]).
    pub(super) place: String,
}

impl Seen {
    fn of_any(repo: &str, branch: Option<&str>) -> Self {
        let repo = without_password(repo);
        let branch = branch.map_or(String::new(), |branch| format!(" --branch {}", word(branch)));
        Self {
            place: format!(" --repo {}{branch}", word(&repo)),
            ..Self::default()
        }
    }
}

/// Where a held field stands, and what of it was taken back.
#[derive(Clone)]
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
    /// All image fields, held or not.
    pub(super) fields: Vec<FieldId>,
}

pub(super) async fn find(repo: &impl ConfigRepo, seen: &Seen) -> anyhow::Result<Found> {
    let tip = repo.fetch().await?;
    repo.reach_beginning().await?;
    let declared = Catalog::new(seen.paths.clone(), Metrics::new()).read(repo, tip).await?;
    let mut timeline = Timeline::default();
    let past = timeline.read(repo, tip).await?;
    let image_fields = automation::image_fields(&declared);
    let fields = image_fields.iter().map(|field| field.field.clone()).collect();
    let held = image_fields.into_iter().filter_map(|field| {
        let hold = past.holds.get(&field.field)?;
        let hold = hold.concerning(field.image.name(), &Mark::of(&field.image))?;
        let last = hold.rejected.last()?;
        let object = field.field.object.clone();
        let remedy = Remedy {
            field: &field.field,
            until: field.hold.unwrap_or(seen.until),
            place: &seen.place,
        };
        let (reason, resume) = (hold.reason(remedy), remedy.command());
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
            reason,
            resume,
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
        fields,
    })
}

/// `Deployment shop/web main`.
pub(super) fn name(kind: &str, namespace: Option<&str>, object: &str, field: &str) -> String {
    let namespace = namespace.map_or(String::new(), |name| format!("{name}/"));
    format!("{kind} {namespace}{object} {field}")
}

impl Held {
    /// `Deployment shop/web main`.
    pub fn name(&self) -> String {
        name(
            &self.object.kind,
            self.object.namespace.as_deref(),
            &self.object.name,
            &self.field,
        )
    }

    /// The rejected tags, with commas between them.
    pub fn tags(&self) -> String {
        let tags: Vec<String> = self.rejected.iter().map(ToString::to_string).collect();
        tags.join(",")
    }
}
