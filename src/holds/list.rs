use super::error::Error;
use super::reading::{HoldReader, ImageField, Reading};
use crate::history::{Rejected, Remedy};
use crate::model::{BlobId, CommitId, FieldId, HoldUntil, ImageRef, ObjectId, RepoPath, Tag};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// An image field that is not bumped because a person took a bump back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The object that has the field.
    pub object: ObjectId,
    /// The field within the object.
    pub field: String,
    /// The image as it stands in the file.
    pub image: String,
    /// The tags that were taken back, the latest last.
    pub rejected: Vec<Tag>,
    /// The commit that took the latest tag back.
    pub since: Since,
    /// For people: who took what back, and what lifts the hold.
    pub reason: String,
    /// The command that lifts the hold.
    #[serde(skip)]
    pub resume: String,
}

/// When a hold began, and who began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Since {
    /// The commit that took the tag back.
    pub commit: CommitId,
    /// The commit's author, `Name <address>`.
    pub author: String,
    /// The commit's time; never before our own bump of the tag.
    pub time: Timestamp,
}

/// How held fields are judged and shown.
#[derive(Debug, Clone, Default)]
pub struct HoldQuery {
    /// What ends a hold where a workload has no `hold` annotation.
    pub until: HoldUntil,
    /// Arguments that `tidegate resume` needs to find the repository, with a blank before; mostly none.
    pub repo_arguments: String,
}

/// What is held at the branch's tip, in the order of the files.
///
/// # Errors
/// The repository could not be read.
pub async fn list(reader: &impl HoldReader, query: &HoldQuery) -> Result<Vec<Held>, Error> {
    let found = find(reader.read().await?, query);
    let held = found.held.into_iter().filter(|(_, at)| at.is_active);
    Ok(held.map(|(held, _)| held).collect())
}

/// The file of a held field, and what was taken back.
#[derive(Clone)]
pub(super) struct HeldField {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    /// The image as the file has it.
    pub(super) image: ImageRef,
    pub(super) rejected: Vec<Rejected>,
    /// Whether the field is held. If not, a later bump moved the field on; its tags can be lifted by the object's name.
    pub(super) is_active: bool,
}

/// What is held at a commit.
pub(super) struct Found {
    pub(super) tip: CommitId,
    pub(super) blobs: BTreeMap<RepoPath, BlobId>,
    /// The fields with tags that were taken back, held or moved on.
    pub(super) held: Vec<(Held, HeldField)>,
    /// All image fields, held or not.
    pub(super) fields: Vec<FieldId>,
}

pub(super) fn find(reading: Reading, query: &HoldQuery) -> Found {
    let fields = reading.fields.iter().map(|field| field.field.clone()).collect();
    let held = reading.fields.into_iter().filter_map(|field| {
        let hold = reading.holds.get(&field.field)?;
        let active = hold.active(&field.bumped_name, &field.image);
        let is_active = active.is_some();
        let hold = active.or_else(|| hold.concerning(&field.bumped_name, &field.image))?;
        let until = field.until.unwrap_or(query.until);
        let remedy = Remedy {
            field: &field.field,
            until,
            repo_args: &query.repo_arguments,
        };
        let (reason, resume) = (hold.reason(remedy), remedy.command());
        held(field, hold.rejected, is_active, reason, resume)
    });
    Found {
        held: held.collect(),
        tip: reading.tip,
        blobs: reading.blobs,
        fields,
    }
}

fn held(
    field: ImageField,
    rejected: Vec<Rejected>,
    is_active: bool,
    reason: String,
    resume: String,
) -> Option<(Held, HeldField)> {
    let last = rejected.last()?;
    let held = Held {
        object: field.field.object.clone(),
        field: field.field.field.0.clone(),
        image: field.image.to_string(),
        rejected: rejected.iter().map(|rejected| rejected.tag.clone()).collect(),
        since: Since {
            commit: last.commit,
            author: last.author.clone(),
            time: last.at,
        },
        reason,
        resume,
    };
    let field = HeldField {
        path: field.path,
        field: field.field,
        image: field.image,
        rejected,
        is_active,
    };
    Some((held, field))
}

impl Held {
    /// `Deployment shop/web main`.
    pub fn name(&self) -> String {
        let ObjectId {
            kind, namespace, name, ..
        } = &self.object;
        let namespace = namespace.as_ref().map_or(String::new(), |name| format!("{name}/"));
        format!("{kind} {namespace}{name} {}", self.field)
    }

    /// The rejected tags, with commas between them.
    pub fn tags(&self) -> String {
        let tags: Vec<String> = self.rejected.iter().map(ToString::to_string).collect();
        tags.join(",")
    }
}
